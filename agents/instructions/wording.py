"""How replies are worded, one row per language: the other half of `agents.instructions.vocabulary`."""

from __future__ import annotations

from msgspec import Struct

from agents.instructions.vocabulary import Operation


class Wording(Struct, frozen=True, kw_only=True):
    """The sentences of one language, with the names that are filled in."""

    understood: str
    echoes: dict[Operation, str]
    until: str
    date: str
    over: str
    which: str
    near: str
    unknown: str
    unclear: str
    unkept: str
    categories_only: str
    help: str
    either: str
    days: tuple[str, ...]
    months: tuple[str, ...]


WORDINGS: dict[str, Wording] = {
    "en": Wording(
        understood="Understood: {what}.",
        echoes={
            "more": "more {name}",
            "less": "less {name}",
            "never": "no {name}",
            "pin": "{name} stays on top",
            "lift": "nothing stated about {name} holds any more",
            "undo": "your last statement is taken back",
        },
        until=" until {day}{clock}",
        date="{weekday} {day} {month} {year}",
        over=" (which is over)",
        which="By “{written}”, do you mean {names}?",
        near="There is no “{written}” here. Do you mean {names}?",
        unknown="There is no “{written}” here.",
        unclear="I did not understand “{said}”.",
        unkept="I cannot keep to “{time}”: a statement holds without a break, until a date that exists.",
        categories_only="“{name}” is not what this can be said of: more and less are of categories, pins of items.",
        help="I understand more, less, no, pin, allow and undo with a category or title, and until when.",
        either=" or ",
        days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        months=(
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
    ),
    "de": Wording(
        understood="Verstanden: {what}.",
        echoes={
            "more": "mehr {name}",
            "less": "weniger {name}",
            "never": "nichts aus {name}",
            "pin": "{name} bleibt oben",
            "lift": "zu {name} gilt nichts mehr, was gesagt war",
            "undo": "die letzte Aussage ist zurückgenommen",
        },
        until=" bis {day}{clock}",
        date="{weekday}, {day}. {month} {year}",
        over=" (das ist vorbei)",
        which="Was ist mit „{written}“ gemeint: {names}?",
        near="„{written}“ gibt es hier nicht. Ist {names} gemeint?",
        unknown="„{written}“ gibt es hier nicht.",
        unclear="„{said}“ habe ich nicht verstanden.",
        unkept="„{time}“ geht nicht: eine Aussage gilt ohne Unterbrechung, bis zu einem Tag, den es gibt.",
        categories_only="Von „{name}“ lässt sich das nicht sagen: mehr und weniger gilt für Kategorien, oben bleiben "
        "Titel.",
        help="Ich verstehe mehr, weniger, kein, behalte, erlaube und rückgängig mit einer Kategorie oder einem Titel, "
        "und bis wann.",
        either=" oder ",
        days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        months=(
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ),
    ),
}
