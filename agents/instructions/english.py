"""The words of instructions in English."""

from __future__ import annotations

import re

from agents.instructions.vocabulary import (
    AFTERNOON,
    EVENING,
    EVERY_DAY,
    MORNING,
    NIGHT,
    WEEKEND,
    WORKDAYS,
    Comparative,
    Moment,
    Unit,
    Vocabulary,
    any_of,
    limits_pattern,
    recurring_pattern,
    words_of,
)

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
_ENGLISH_NUMBERS |= {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "a hundred": 100}
_ENGLISH_UNITS: dict[str, Unit] = {"hour": "hour", "day": "day", "week": "week", "month": "month", "year": "year"}

_ENGLISH_COMPARISONS: dict[str, Comparative] = {
    **dict.fromkeys(
        (
            "under",
            "below",
            "less than",
            "at most",
            "up to",
            "no more than",
            "not more than",
            "maximum",
            "max",
            "within",
        ),
        Comparative(is_upper=True),
    ),
    **dict.fromkeys(
        ("over", "above", "more than", "at least", "no less than", "not less than", "minimum", "min"),
        Comparative(is_upper=False),
    ),
    **dict.fromkeys(("cheaper than", "less expensive than"), Comparative(is_upper=True, fact="price")),
    **dict.fromkeys(("more expensive than", "dearer than"), Comparative(is_upper=False, fact="price")),
    **dict.fromkeys(("shorter than", "no longer than", "not longer than"), Comparative(is_upper=True, fact="length")),
    **dict.fromkeys(("longer than", "no shorter than", "not shorter than"), Comparative(is_upper=False, fact="length")),
    **dict.fromkeys(("before", "older than"), Comparative(is_upper=True, is_of_times=True, year_shift=-1.0)),
    **dict.fromkeys(("after", "newer than"), Comparative(is_upper=False, is_of_times=True, year_shift=1.0)),
    **dict.fromkeys(
        ("since", "from", "no older than", "not older than"), Comparative(is_upper=False, is_of_times=True)
    ),
    **dict.fromkeys(("no newer than", "not newer than"), Comparative(is_upper=True, is_of_times=True)),
    **dict.fromkeys(("rated", "rated up to", "rated at most"), Comparative(is_upper=True, fact="age")),
}
_ENGLISH_LIMIT_UNITS: dict[str, str] = {
    **dict.fromkeys(
        ("euros", "euro", "eur", "€", "dollars", "dollar", "usd", "$", "pounds", "pound", "gbp", "£", "bucks"), "price"
    ),
    **dict.fromkeys(("minutes", "minute", "mins", "min"), "minute"),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h"), "hour"),
    **dict.fromkeys(("years old", "years of age", "years"), "age"),
}

_ENGLISH_WEEKLY: dict[str, tuple[int, ...]] = {day: (number,) for number, day in enumerate(_ENGLISH_DAYS)}
_ENGLISH_WEEKLY |= {"weekend": WEEKEND, "weekday": WORKDAYS, "workday": WORKDAYS, "day": EVERY_DAY}
_ENGLISH_DAY_PARTS = {"morning": MORNING, "afternoon": AFTERNOON, "evening": EVENING, "night": NIGHT}
_DAY, _PART = any_of(*_ENGLISH_WEEKLY), any_of(*_ENGLISH_DAY_PARTS)
_DAYS, _AND = rf"(?:{_DAY})(?:s|\s+(?:{_PART})s)", r"(?:\s*,\s*|\s+and\s+)"
_ONE_DAY, _MORE_PARTS = rf"(?:{any_of(*_ENGLISH_DAYS)})(?:\s+(?:{_PART}))?", rf"(?:{_AND}(?:{_PART})s)*"

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
            "nothing",
            "i want nothing",
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
        "lift": (
            "allow",
            "unban",
            "unblock",
            "unpin",
            "bring back",
            "forget",
            "forget about",
            "forget that i said",
            "no limit on",
            "no limits on",
            "remove the limit on",
        ),
        "undo": ("undo", "undo that", "take that back", "take it back", "never mind", "nevermind", "scratch that"),
        "only": (
            "only",
            "nothing but",
            "just",
            "exclusively",
            "show me only",
            "only show me",
            "i only want",
            "i want only",
        ),
        "lift-all": (
            "forget everything",
            "forget everything i said",
            "forget all i said",
            "start over",
            "show me everything",
        ),
        "approve": ("yes", "yes please", "ok", "okay", "confirm", "do it", "that's right"),
        "reject": ("cancel", "no thanks", "no thank you", "that's wrong", "don't do it"),
        "unsupported": ("surprise me", "why"),
    },
    contrasts=("instead of", "rather than"),
    exceptions=("but", "except", "except for", "unless", "apart from", "other than", "with the exception of"),
    beside_exceptions=words_of(
        "it it's its is are was by from of with in made directed written the a an ones those these if film films movie "
        "movies book books song songs everything anything something please"
    ),
    exclusive=frozenset({"nothing but"}),
    joins=words_of(", and or nor & plus"),
    fillers=words_of("please me any some of the this that so but for a an to again anymore longer now thanks you want"),
    kinds=words_of(
        "film films movie movies book books song songs item items product products thing things stuff one ones"
    ),
    numbers=_ENGLISH_NUMBERS,
    days=_ENGLISH_DAYS,
    moments=_ENGLISH_MOMENTS,
    spans=_ENGLISH_SPANS,
    units=_ENGLISH_UNITS,
    times=re.compile(
        rf"\b(?:(?:until|till|til)\s+(?:next\s+)?(?P<day>{any_of(*_ENGLISH_DAYS)})"
        rf"|(?:until|till|til)\s+(?P<moment>{any_of(*_ENGLISH_MOMENTS)})"
        rf"|(?:until|till|til)\s+(?P<date>\d{{4}}-\d\d-\d\d)"
        rf"|for\s+(?:the\s+next\s+)?(?P<count>\d{{1,3}}|{any_of(*_ENGLISH_NUMBERS)})\s+(?P<unit>{any_of(*_ENGLISH_UNITS)})s?"
        rf"|(?:for\s+)?(?P<span>{any_of(*_ENGLISH_SPANS)}))\b"
    ),
    recurring=recurring_pattern(
        rf"(?:on|at)\s+{_DAYS}(?:(?:{_AND}|\s+and\s+on\s+){_DAYS})*{_MORE_PARTS}",
        r"(?:on|at)\s+(?:the\s+)?weekend",
        rf"(?P<once>on\s+{_ONE_DAY}(?:(?:{_AND}|\s+and\s+on\s+){_ONE_DAY})*)",
        rf"(?:{_DAY})\s+(?:{_PART})s{_MORE_PARTS}",
        rf"every\s+(?:{_DAY})(?:{_AND}(?:every\s+)?(?:{_DAY}))*(?:\s+(?P<parts>{_PART}))?",
        rf"(?:in\s+the|every|at)\s+(?:{_PART})s?(?:{_AND}(?:in\s+the\s+|at\s+)?(?:{_PART})s?)*",
        r"every\s+\w+",
        begins="from|between",
        to="to|until|and",
    ),
    weekly=_ENGLISH_WEEKLY,
    day_parts=_ENGLISH_DAY_PARTS,
    comparisons=_ENGLISH_COMPARISONS,
    limit_units=_ENGLISH_LIMIT_UNITS,
    facts={
        **dict.fromkeys(("price", "prices", "cost", "costs"), "price"),
        **dict.fromkeys(("length", "runtime", "duration"), "length"),
        **dict.fromkeys(("year", "years"), "year"),
        **dict.fromkeys(("age", "ages"), "age"),
    },
    beside_limits=words_of("with that are is which made released rated long old than having of limit limits on"),
    limits=limits_pattern(
        _ENGLISH_COMPARISONS,
        _ENGLISH_NUMBERS,
        _ENGLISH_LIMIT_UNITS,
        between="between",
        to="and|to",
        decade=r"(?:from|of|in)\s+the\s+(?P<decade>(?:1\d|20)?\d0)'?s",
        other_units="days?|weeks?|months?",
    ),
)
