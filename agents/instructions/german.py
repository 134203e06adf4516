"""The words of instructions in German."""

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
_GERMAN_NUMBERS |= {
    "zwanzig": 20,
    "dreißig": 30,
    "vierzig": 40,
    "fünfzig": 50,
    "sechzig": 60,
    "neunzig": 90,
    "hundert": 100,
}
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

_GERMAN_COMPARISONS: dict[str, Comparative] = {
    **dict.fromkeys(
        ("unter", "höchstens", "maximal", "bis zu", "bis", "weniger als", "nicht mehr als", "nicht über"),
        Comparative(is_upper=True),
    ),
    **dict.fromkeys(
        ("über", "mindestens", "mehr als", "nicht weniger als", "nicht unter"), Comparative(is_upper=False)
    ),
    **dict.fromkeys(("billiger als", "günstiger als"), Comparative(is_upper=True, fact="price")),
    "teurer als": Comparative(is_upper=False, fact="price"),
    **dict.fromkeys(("kürzer als", "nicht länger als"), Comparative(is_upper=True, fact="length")),
    **dict.fromkeys(("länger als", "nicht kürzer als"), Comparative(is_upper=False, fact="length")),
    **dict.fromkeys(("vor", "älter als"), Comparative(is_upper=True, is_of_times=True, year_shift=-1.0)),
    **dict.fromkeys(("nach", "neuer als"), Comparative(is_upper=False, is_of_times=True, year_shift=1.0)),
    **dict.fromkeys(
        ("seit", "ab", "von", "nicht älter als", "nicht vor"), Comparative(is_upper=False, is_of_times=True)
    ),
    **dict.fromkeys(("freigegeben ab", "freigegeben bis"), Comparative(is_upper=True, fact="age")),
}
_GERMAN_LIMIT_UNITS: dict[str, str] = {
    **dict.fromkeys(("euro", "eur", "€", "dollar", "$", "franken", "chf", "pfund", "£"), "price"),
    **dict.fromkeys(("minuten", "minute", "min"), "minute"),
    **dict.fromkeys(("stunden", "stunde", "std", "h"), "hour"),
    **dict.fromkeys(("jahren", "jahre"), "age"),
}

_GERMAN_WEEKLY: dict[str, tuple[int, ...]] = {day: (number,) for number, day in enumerate(_GERMAN_DAYS)}
_GERMAN_WEEKLY |= {"wochenende": WEEKEND, "werktag": WORKDAYS, "wochentag": WORKDAYS, "unter der woche": WORKDAYS}
_GERMAN_WEEKLY |= {"tag": EVERY_DAY, "täglich": EVERY_DAY}
_GERMAN_DAY_PARTS = {
    "morgen": MORNING,
    "vormittag": MORNING,
    "nachmittag": AFTERNOON,
    "abend": EVENING,
    "nacht": NIGHT,
}
_DAY, _PART = any_of(*_GERMAN_WEEKLY), any_of(*_GERMAN_DAY_PARTS)
_DAYS = rf"(?:(?:jeden|jedes|an)\s+(?:{_DAY})(?:{_PART})?(?:en|n|s)?|(?:{_DAY})(?:{_PART})?s)"
_AND = r"(?:\s*,\s*|\s+und\s+)"
_ONE_DAY = rf"(?:{any_of(*_GERMAN_DAYS)})(?:\s*(?:{_PART}))?"

GERMAN = Vocabulary(
    capital_nouns=True,
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
            "nichts",
            "ich will nichts",
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
        "lift": (
            "keine grenze für",
            "keine grenzen für",
            "erlaube",
            "vergiss",
            "wieder",
            "zeig mir wieder",
            "zeige mir wieder",
            "ich will wieder",
        ),
        "undo": ("rückgängig", "mach das rückgängig", "nimm das zurück", "doch nicht"),
        "only": ("nur", "nur noch", "nichts als", "ausschließlich", "zeig mir nur", "ich will nur"),
        "lift-all": ("vergiss alles", "alles vergessen", "zeig mir wieder alles", "von vorn"),
        "approve": ("ja", "ja bitte", "ok", "okay", "bestätige", "mach das", "genau"),
        "reject": ("abbrechen", "nein danke", "das ist falsch", "doch lieber nicht"),
        "unsupported": ("überrasche mich", "überrasch mich", "warum"),
    },
    contrasts=("statt", "anstatt", "anstelle von", "als"),
    exceptions=("aber", "außer", "bis auf", "es sei denn", "mit ausnahme von", "ausgenommen"),
    beside_exceptions=words_of(
        "er sie es ist sind war von vom mit in aus der die das dem den ein eine einen einem wenn film filme filmen "
        "buch bücher lied lieder alles bitte"
    ),
    exclusive=frozenset({"nichts als"}),
    joins=words_of(", und oder noch & sowie"),
    fillers=words_of("bitte mir die der das den dem ein eine einen so aber von danke jetzt noch mehr wieder will"),
    kinds=words_of(
        "film filme filmen buch bücher büchern lied lieder liedern artikel produkt produkte sache sachen dinge zeug"
    ),
    numbers=_GERMAN_NUMBERS,
    days=_GERMAN_DAYS,
    moments=_GERMAN_MOMENTS,
    spans=_GERMAN_SPANS,
    units=_GERMAN_UNITS,
    times=re.compile(
        rf"\b(?:bis\s+(?:nächsten\s+)?(?P<day>{any_of(*_GERMAN_DAYS)})"
        rf"|bis\s+(?P<moment>{any_of(*_GERMAN_MOMENTS)})"
        r"|bis\s+(?:zum\s+)?(?P<date>\d{4}-\d\d-\d\d)"
        rf"|für\s+(?:die\s+nächsten\s+)?(?P<count>\d{{1,3}}|{any_of(*_GERMAN_NUMBERS)})\s+(?P<unit>{any_of(*_GERMAN_UNITS)})n?"
        rf"|(?:für\s+)?(?P<span>{any_of(*_GERMAN_SPANS)}))\b"
    ),
    recurring=recurring_pattern(
        rf"{_DAYS}(?:{_AND}{_DAYS})*(?:\s+(?P<parts>(?:{_PART})s(?:{_AND}(?:{_PART})s)*))?",
        rf"(?P<once>am\s+{_ONE_DAY}(?:{_AND}(?:am\s+)?{_ONE_DAY})*)",
        r"täglich",
        r"unter\s+der\s+woche",
        rf"jeden?\s+(?:{_PART})|(?:{_PART})s(?:{_AND}(?:{_PART})s)*",
        r"jeden\s+\w+",
        begins="von|zwischen",
        to="bis|und",
    ),
    weekly=_GERMAN_WEEKLY,
    day_parts=_GERMAN_DAY_PARTS,
    comparisons=_GERMAN_COMPARISONS,
    limit_units=_GERMAN_LIMIT_UNITS,
    facts={
        **dict.fromkeys(("preis", "preise", "kosten"), "price"),
        **dict.fromkeys(("länge", "laufzeit", "dauer", "spieldauer"), "length"),
        **dict.fromkeys(("jahr", "erscheinungsjahr"), "year"),
        **dict.fromkeys(("alter", "altersfreigabe"), "age"),
    },
    beside_limits=words_of("mit die der das was sind ist lang alt als haben aus grenze grenzen für"),
    limits=limits_pattern(
        _GERMAN_COMPARISONS,
        _GERMAN_NUMBERS,
        _GERMAN_LIMIT_UNITS,
        between="zwischen|von",
        to="und|bis",
        decade=r"aus\s+den\s+(?P<decade>(?:1\d|20)?\d0)ern",
        other_units="tage?n?|wochen?|monate?n?",
    ),
)
