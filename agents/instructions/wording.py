"""How replies are worded, one row per language: the other half of `agents.instructions.vocabulary`."""

from __future__ import annotations

from msgspec import Struct

from agents.instructions.vocabulary import Operation
from schemas.memories import Predicate


class Wording(Struct, frozen=True, kw_only=True):
    """The sentences of one language, with the names that are filled in."""

    understood: str
    echoes: dict[Operation, str]
    beliefs: dict[Predicate, str]
    besides: str
    apart_from: str
    of_category: str
    of_attribute: str
    as_parts_show: str
    and_more: str
    until: str
    weekly: str
    each_day: tuple[str, ...]
    every_day: str
    clocks: str
    in_zone: str
    together: str
    date: str
    over: str
    which: str
    near: str
    unknown: str
    unclear: str
    unkept: str
    categories_only: str
    facts: dict[str, str]
    units: dict[str, str]
    at_least: str
    at_most: str
    between: str
    which_fact: str
    unknown_fact: str
    both: str
    besides_or_without: str
    no_exceptions: str
    confirm: str
    help: str
    either: str
    in_order: str
    so_many_of: str
    ascending: str
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
            "only": "only {name}",
            "lift": "nothing stated about {name} holds any more",
            "lift-all": "nothing that you stated holds any more",
            "approve": "yes",
            "reject": "not so",
            "undo": "your last statement is taken back",
        },
        beliefs={
            "likes": "you like {name}",
            "dislikes": "you do not like {name}",
            "wants-more": "you want more {name}",
            "wants-less": "you want less {name}",
            "wants-only": "you want only {name}",
            "bans": "you want no {name}",
            "pins": "{name} stays on top",
            "limits": "{name}",
        },
        besides=", and also {names}",
        apart_from=", except {names}",
        of_category="{name} only with {limit}",
        of_attribute="{value} as {attribute}",
        as_parts_show="{belief}, as {names} show",
        and_more="{names} and {count} more",
        until=" until {day}{clock}",
        weekly=" on {days}",
        each_day=("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"),
        every_day=" every day",
        clocks=" from {starts} to {ends}",
        in_zone=" ({zone})",
        together=" and ",
        date="{weekday} {day} {month} {year}",
        over=" (which is over)",
        which="By “{written}”, do you mean {names}?",
        near="There is no “{written}” here. Do you mean {names}?",
        unknown="There is no “{written}” here.",
        unclear="I did not understand “{said}”.",
        unkept="I cannot keep to “{time}”: bans, “only” and limits may each hold at one time of the week, and all "
        "until a date that exists.",
        categories_only="“{name}” is not what this can be said of: more, less, only and limits are of categories, "
        "pins of items.",
        facts={"price": "price", "year": "year", "length": "length", "age": "age rating"},
        units={"length": " minutes"},
        at_least="{fact} at least {low}{unit}",
        at_most="{fact} at most {high}{unit}",
        between="{fact} from {low} to {high}{unit}",
        which_fact="“{written}” of what: {names}?",
        unknown_fact="Nothing is known here of the {fact} of items, so “{written}” cannot be kept to.",
        both="I cannot leave out what is “{written}”; limits are said as “at most”, “at least” or what they allow.",
        besides_or_without="Is “{names}” wanted besides, or not wanted at all? Say “nothing but … except {names}” or "
        "“no {names}”.",
        no_exceptions="I cannot keep exceptions to “{name}”, only to categories, and at most {most} of them.",
        confirm="Say yes to have it so, or cancel.",
        help="I understand more, less, no, only, pin, allow and undo with a category or title, limits such as “under "
        "20 euros”, and until when.",
        either=" or ",
        in_order="{count} items in order",
        so_many_of="{count} of {category}",
        ascending=", by {fact} from the lowest",
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
            "only": "nur {name}",
            "lift": "zu {name} gilt nichts mehr, was gesagt war",
            "lift-all": "nichts gilt mehr, was gesagt war",
            "approve": "ja",
            "reject": "nicht so",
            "undo": "die letzte Aussage ist zurückgenommen",
        },
        beliefs={
            "likes": "du magst {name}",
            "dislikes": "du magst {name} nicht",
            "wants-more": "du willst mehr {name}",
            "wants-less": "du willst weniger {name}",
            "wants-only": "du willst nur {name}",
            "bans": "du willst nichts aus {name}",
            "pins": "{name} bleibt oben",
            "limits": "{name}",
        },
        besides=" und auch {names}",
        apart_from=", außer {names}",
        of_category="{name} nur mit {limit}",
        of_attribute="{value} als {attribute}",
        as_parts_show="{belief}; das zeigen {names}",
        and_more="{names} und {count} weitere",
        until=" bis {day}{clock}",
        weekly=" {days}",
        each_day=("montags", "dienstags", "mittwochs", "donnerstags", "freitags", "samstags", "sonntags"),
        every_day=" täglich",
        clocks=" von {starts} bis {ends} Uhr",
        in_zone=" ({zone})",
        together=" und ",
        date="{weekday}, {day}. {month} {year}",
        over=" (das ist vorbei)",
        which="Was ist mit „{written}“ gemeint: {names}?",
        near="„{written}“ gibt es hier nicht. Ist {names} gemeint?",
        unknown="„{written}“ gibt es hier nicht.",
        unclear="„{said}“ habe ich nicht verstanden.",
        unkept="„{time}“ geht nicht: Verbote, „nur“ und Grenzen können zu je einer Zeit der Woche gelten, und alles "
        "bis zu einem Tag, den es gibt.",
        categories_only="Von „{name}“ lässt sich das nicht sagen: mehr, weniger, nur und Grenzen gelten für "
        "Kategorien, oben bleiben Titel.",
        facts={"price": "Preis", "year": "Jahr", "length": "Länge", "age": "Altersfreigabe"},
        units={"length": " Minuten"},
        at_least="{fact} mindestens {low}{unit}",
        at_most="{fact} höchstens {high}{unit}",
        between="{fact} von {low} bis {high}{unit}",
        which_fact="„{written}“ wovon: {names}?",
        unknown_fact="Von {fact} ist hier nichts bekannt, an „{written}“ kann ich mich nicht halten.",
        both="Was „{written}“ ist, kann ich nicht auslassen; Grenzen sind „höchstens“, „mindestens“ oder das Erlaubte.",
        besides_or_without="Ist „{names}“ außerdem gewünscht, oder gar nicht? Sag „nichts als … außer {names}“ oder "
        "„kein {names}“.",
        no_exceptions="Ausnahmen von „{name}“ kann ich nicht machen, nur von Kategorien, und höchstens {most}.",
        confirm="Sag ja, damit es gilt, oder abbrechen.",
        help="Ich verstehe mehr, weniger, kein, nur, behalte, erlaube und rückgängig mit einer Kategorie oder einem "
        "Titel, Grenzen wie „unter 20 Euro“, und bis wann.",
        either=" oder ",
        in_order="{count} Titel der Reihe nach",
        so_many_of="{count} aus {category}",
        ascending=", nach {fact} von unten",
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
