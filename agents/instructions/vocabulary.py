"""The words that instructions are made of, one table per language. A language is one row of `LANGUAGES`.

| what                | English                              | German                                |
|---------------------|--------------------------------------|---------------------------------------|
| more of a category  | more jazz · I like jazz              | mehr Jazz · ich mag Jazz              |
| less of it          | less jazz · too much jazz            | weniger Jazz · zu viel Jazz           |
| none of it          | no jazz · never jazz · like X but not Y | kein Jazz mehr · nie wieder Jazz   |
| one for another     | folk instead of jazz                 | Folk statt Jazz · lieber Folk als Jazz |
| an item on top      | pin "Kind of Blue"                   | behalte "Kind of Blue"                |
| withdraw            | allow jazz · forget jazz             | erlaube Jazz · vergiss Jazz           |
| take back           | undo                                 | rückgängig                            |
| for a time          | until Sunday · for three days · today | bis Sonntag · für drei Tage · heute  |
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

Operation = Literal["more", "less", "never", "pin", "lift", "undo", "unsupported"]
Unit = Literal["hour", "day", "week", "month", "year"]
Moment = Literal["tomorrow", "next week", "next month", "next year"]


class Vocabulary(Struct, frozen=True, kw_only=True):
    """One language: phrases by operation, words around names, and how times are said.

    `contrasts` stand between what is wanted and what is not, `exceptions` before what a statement leaves out;
    `fillers` mean nothing beside a name, `kinds` are what
    all items are called; `times` has the named groups `day`, `moment`, `date`, `count` with `unit`, and `span`.
    """

    phrases: dict[Operation, tuple[str, ...]]
    contrasts: tuple[str, ...]
    exceptions: tuple[str, ...]
    joins: frozenset[str]
    fillers: frozenset[str]
    kinds: frozenset[str]
    numbers: dict[str, int]
    days: tuple[str, ...]
    moments: dict[str, Moment]
    spans: dict[str, Moment]
    units: dict[str, Unit]
    times: re.Pattern[str]
    recurring: re.Pattern[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _any(*words: str) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_ENGLISH_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ENGLISH_MOMENTS: dict[str, Moment] = {
    "tomorrow": "tomorrow",
    "midnight": "tomorrow",
    "the end of the day": "tomorrow",
    "next week": "next week",
    "the end of the week": "next week",
    "next month": "next month",
    "the end of the month": "next month",
    "next year": "next year",
    "the end of the year": "next year",
}
_ENGLISH_SPANS: dict[str, Moment] = {
    "today": "tomorrow",
    "tonight": "tomorrow",
    "this week": "next week",
    "this weekend": "next week",
    "this month": "next month",
    "this year": "next year",
}
_ENGLISH_NUMBERS = {
    name: number
    for number, name in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 1
    )
} | {"a": 1, "an": 1, "the next": 1}
_ENGLISH_UNITS: dict[str, Unit] = {"hour": "hour", "day": "day", "week": "week", "month": "month", "year": "year"}

ENGLISH = Vocabulary(
    phrases={
        "more": (
            "more",
            "show me",
            "show me more",
            "give me",
            "give me more",
            "i like",
            "i love",
            "i want",
            "i want more",
            "i would like",
            "i'd like",
            "like",
            "something like",
            "i prefer",
        ),
        "less": (
            "less",
            "fewer",
            "show me less",
            "not so much",
            "not so many",
            "not as much",
            "too much",
            "too many",
            "i'm tired of",
            "i am tired of",
        ),
        "never": (
            "no",
            "no more",
            "never",
            "never again",
            "never show me",
            "not",
            "but not",
            "but no",
            "without",
            "ban",
            "block",
            "hide",
            "exclude",
            "stop showing me",
            "stop showing",
            "don't show me",
            "do not show me",
            "don't recommend",
            "do not recommend",
            "i hate",
            "i don't like",
            "i do not like",
            "i don't want",
            "i do not want",
        ),
        "pin": ("pin", "keep", "keep on top"),
        "lift": ("allow", "unban", "unblock", "unpin", "bring back", "forget", "forget about", "forget that i said"),
        "undo": ("undo", "undo that", "take that back", "take it back", "never mind", "nevermind", "scratch that"),
        "unsupported": ("only", "nothing but", "surprise me", "why"),
    },
    contrasts=("instead of", "rather than"),
    exceptions=("but", "except", "except for", "unless", "apart from"),
    joins=_words(", and or nor & plus"),
    fillers=_words("please me any some of the this that so but for a an to again anymore longer now thanks you want"),
    kinds=_words(
        "film films movie movies book books song songs item items product products thing things stuff one ones"
    ),
    numbers=_ENGLISH_NUMBERS,
    days=_ENGLISH_DAYS,
    moments=_ENGLISH_MOMENTS,
    spans=_ENGLISH_SPANS,
    units=_ENGLISH_UNITS,
    times=re.compile(
        rf"\b(?:(?:until|till|til)\s+(?:next\s+)?(?P<day>{_any(*_ENGLISH_DAYS)})"
        rf"|(?:until|till|til)\s+(?P<moment>{_any(*_ENGLISH_MOMENTS)})"
        rf"|(?:until|till|til)\s+(?P<date>\d{{4}}-\d\d-\d\d)"
        rf"|for\s+(?:the\s+next\s+)?(?P<count>\d{{1,3}}|{_any(*_ENGLISH_NUMBERS)})\s+(?P<unit>{_any(*_ENGLISH_UNITS)})s?"
        rf"|(?:for\s+)?(?P<span>{_any(*_ENGLISH_SPANS)}))\b"
    ),
    recurring=re.compile(
        rf"\b(?:on\s+weekends?|on\s+weekdays|every\s+\w+|on\s+(?:{_any(*_ENGLISH_DAYS)})s|in\s+the\s+"
        r"(?:mornings?|evenings?|afternoons?))\b"
    ),
)

_GERMAN_DAYS = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag")
_GERMAN_MOMENTS: dict[str, Moment] = {
    "morgen": "tomorrow",
    "mitternacht": "tomorrow",
    "nächste woche": "next week",
    "ende der woche": "next week",
    "zum ende der woche": "next week",
    "nächsten monat": "next month",
    "ende des monats": "next month",
    "zum ende des monats": "next month",
    "nächstes jahr": "next year",
    "ende des jahres": "next year",
    "zum ende des jahres": "next year",
}
_GERMAN_SPANS: dict[str, Moment] = {
    "heute": "tomorrow",
    "heute abend": "tomorrow",
    "diese woche": "next week",
    "dieses wochenende": "next week",
    "am wochenende": "next week",
    "diesen monat": "next month",
    "dieses jahr": "next year",
}
_GERMAN_NUMBERS = {
    name: number
    for number, name in enumerate(
        ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"], 1
    )
} | {"ein": 1, "eine": 1, "einen": 1}
_GERMAN_UNITS: dict[str, Unit] = {
    "stunde": "hour",
    "stunden": "hour",
    "tag": "day",
    "tage": "day",
    "woche": "week",
    "wochen": "week",
    "monat": "month",
    "monate": "month",
    "jahr": "year",
    "jahre": "year",
}

GERMAN = Vocabulary(
    phrases={
        "more": (
            "mehr",
            "zeig mir",
            "zeige mir",
            "zeig mir mehr",
            "zeige mir mehr",
            "gib mir mehr",
            "ich mag",
            "ich liebe",
            "ich will",
            "ich will mehr",
            "ich möchte",
            "ich hätte gern",
            "lieber",
            "so etwas wie",
        ),
        "less": ("weniger", "nicht so viel", "nicht so viele", "zu viel", "zu viele", "zeig mir weniger"),
        "never": (
            "kein",
            "keine",
            "keinen",
            "keinem",
            "keiner",
            "aber kein",
            "aber keine",
            "aber keinen",
            "nie",
            "nie wieder",
            "nie mehr",
            "niemals",
            "nicht mehr",
            "aber nicht",
            "ohne",
            "verbiete",
            "blockiere",
            "ich hasse",
            "zeig mir kein",
            "zeig mir keine",
            "zeig mir keinen",
            "ich will kein",
            "ich will keine",
            "ich will keinen",
            "ich mag kein",
            "ich mag keine",
            "ich mag keinen",
        ),
        "pin": ("behalte", "pinne", "hefte an"),
        "lift": ("erlaube", "vergiss", "wieder", "zeig mir wieder", "zeige mir wieder", "ich will wieder"),
        "undo": ("rückgängig", "mach das rückgängig", "nimm das zurück", "doch nicht"),
        "unsupported": ("nur", "nichts als", "überrasche mich", "überrasch mich", "warum"),
    },
    contrasts=("statt", "anstatt", "anstelle von", "als"),
    exceptions=("aber", "außer", "bis auf", "es sei denn"),
    joins=_words(", und oder noch & sowie"),
    fillers=_words("bitte mir die der das den dem ein eine einen so aber von danke jetzt noch mehr wieder will"),
    kinds=_words(
        "film filme filmen buch bücher büchern lied lieder liedern artikel produkt produkte sache sachen dinge zeug"
    ),
    numbers=_GERMAN_NUMBERS,
    days=_GERMAN_DAYS,
    moments=_GERMAN_MOMENTS,
    spans=_GERMAN_SPANS,
    units=_GERMAN_UNITS,
    times=re.compile(
        rf"\b(?:bis\s+(?:nächsten\s+)?(?P<day>{_any(*_GERMAN_DAYS)})"
        rf"|bis\s+(?P<moment>{_any(*_GERMAN_MOMENTS)})"
        r"|bis\s+(?:zum\s+)?(?P<date>\d{4}-\d\d-\d\d)"
        rf"|für\s+(?:die\s+nächsten\s+)?(?P<count>\d{{1,3}}|{_any(*_GERMAN_NUMBERS)})\s+(?P<unit>{_any(*_GERMAN_UNITS)})n?"
        rf"|(?:für\s+)?(?P<span>{_any(*_GERMAN_SPANS)}))\b"
    ),
    recurring=re.compile(rf"\b(?:an\s+wochenenden|jeden\s+\w+|(?:{_any(*_GERMAN_DAYS)})s|abends|morgens|wochentags)\b"),
)

LANGUAGES: dict[str, Vocabulary] = {"en": ENGLISH, "de": GERMAN}
