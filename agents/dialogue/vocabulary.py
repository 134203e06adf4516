"""The words of a conversation, one row per language: how limits on facts, answers and reactions are said."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from agents.dialogue.catalogue import Concept
from agents.dialogue.limits import Operator

Direction = Literal["high", "low"]
Bound = tuple[Operator, Concept | None]
"""A phrase beside a number: how it bounds, and what the number is about if the phrase says it."""

DEFAULT_OPERATORS: dict[Concept, Operator] = {"length": "<=", "price": "<=", "score": ">=", "count": ">=", "date": "=="}
"""What a number alone means as an answer to a question."""


class DialogueWords(Struct, frozen=True, kw_only=True):
    """One language. Phrases are lower-case words with single blanks between; longer ones count first.

    `nouns` name a field, `units` follow a number of it; `adjectives` stand for its high or low end, alone or after
    `too`, and `comparatives` compare with what was just recommended. `hours` are durations to be counted in minutes.
    """

    nouns: dict[Concept, tuple[str, ...]]
    units: dict[str, Concept]
    adjectives: dict[str, tuple[Concept, Direction]]
    comparatives: dict[str, tuple[Concept, Direction]]
    bounds_before: dict[str, Bound]
    bounds_after: dict[str, Operator]
    exactly: frozenset[str]
    ranges: tuple[tuple[str, str], ...]
    negations: tuple[str, ...]
    affirmations: tuple[str, ...]
    alternatives: frozenset[str]
    possessives: frozenset[str]
    owning: tuple[str, ...]
    too: frozenset[str]
    indifferent: tuple[str, ...]
    accepts: tuple[str, ...]
    refuses: tuple[str, ...]
    numbers: dict[str, float]
    hours: re.Pattern[str]
    half_hours: tuple[tuple[str, str], ...]
    decades: re.Pattern[str]


def _numbers(names: str) -> dict[str, float]:
    return {name: float(number) for number, name in enumerate(names.split(), 1)}


ENGLISH_DIALOGUE = DialogueWords(
    nouns={
        "length": ("runtime", "running time", "length", "duration", "how long", "long"),
        "score": ("rating", "ratings", "rated", "score", "scores", "scored", "stars"),
        "date": ("release", "released", "release date", "year", "came out", "from", "made in", "age of it"),
        "price": ("price", "cost", "costs", "budget"),
        "count": ("votes", "vote count", "reviews"),
        "kind": ("genre", "genres", "kind", "category", "type"),
        "people": ("director", "directed by", "cast", "starring", "actor", "actress", "actors", "author", "artist"),
        "service": ("service", "services", "streaming", "stream", "platform", "platforms"),
        "age": ("content rating", "age rating", "certificate", "age limit"),
        "sponsored": ("sponsored", "promoted", "advertised", "advertising", "ads"),
    },
    units={
        **dict.fromkeys(("minutes", "minute", "mins", "min"), "length"),
        **dict.fromkeys(("stars", "star", "points"), "score"),
        **dict.fromkeys(("dollars", "euros", "euro", "pounds", "usd", "eur"), "price"),
        **dict.fromkeys(("votes", "reviews"), "count"),
    },
    adjectives={
        "long": ("length", "high"),
        "short": ("length", "low"),
        "brief": ("length", "low"),
        "old": ("date", "low"),
        "new": ("date", "high"),
        "recent": ("date", "high"),
        "modern": ("date", "high"),
        "cheap": ("price", "low"),
        "expensive": ("price", "high"),
        "pricey": ("price", "high"),
        "low rated": ("score", "low"),
        "poorly rated": ("score", "low"),
        "badly rated": ("score", "low"),
        "highly rated": ("score", "high"),
        "rated high": ("score", "high"),
        "good enough": ("score", "high"),
        "well rated": ("score", "high"),
        "obscure": ("count", "low"),
        "popular": ("count", "high"),
    },
    comparatives={
        "longer": ("length", "high"),
        "shorter": ("length", "low"),
        "older": ("date", "low"),
        "earlier": ("date", "low"),
        "newer": ("date", "high"),
        "more recent": ("date", "high"),
        "later": ("date", "high"),
        "cheaper": ("price", "low"),
        "less expensive": ("price", "low"),
        "more expensive": ("price", "high"),
        "better": ("score", "high"),
        "better rated": ("score", "high"),
        "higher rated": ("score", "high"),
        "better reviewed": ("score", "high"),
        "worse rated": ("score", "low"),
        "lower rated": ("score", "low"),
        "better known": ("count", "high"),
        "more popular": ("count", "high"),
        "less known": ("count", "low"),
        "less popular": ("count", "low"),
    },
    bounds_before={
        "at least": (">=", None),
        "a minimum of": (">=", None),
        "minimum": (">=", None),
        "min": (">=", None),
        "no less than": (">=", None),
        "not less than": (">=", None),
        "no lower than": (">=", None),
        "no shorter than": (">=", "length"),
        "starting at": (">=", None),
        "since": (">=", "date"),
        "from": (">=", None),
        "upwards of": (">=", None),
        "more than": (">", None),
        "over": (">", None),
        "above": (">", None),
        "higher than": (">", None),
        "better than": (">", "score"),
        "greater than": (">", None),
        "longer than": (">", "length"),
        "newer than": (">", "date"),
        "after": (">", "date"),
        "later than": (">", "date"),
        "at most": ("<=", None),
        "a maximum of": ("<=", None),
        "maximum": ("<=", None),
        "max": ("<=", None),
        "up to": ("<=", None),
        "until": ("<=", None),
        "within": ("<=", None),
        "no more than": ("<=", None),
        "not more than": ("<=", None),
        "no higher than": ("<=", None),
        "no longer than": ("<=", "length"),
        "no later than": ("<=", "date"),
        "no older than": (">=", "date"),
        "under": ("<", None),
        "below": ("<", None),
        "less than": ("<", None),
        "fewer than": ("<", None),
        "lower than": ("<", None),
        "shorter than": ("<", "length"),
        "older than": ("<", "date"),
        "before": ("<", "date"),
        "earlier than": ("<", "date"),
        "cheaper than": ("<", "price"),
    },
    bounds_after={
        **dict.fromkeys(
            ("or more", "or higher", "or better", "or above", "or over", "or longer", "and up", "and above", "minimum"),
            ">=",
        ),
        **dict.fromkeys(("or later", "or newer", "and later", "onwards", "on", "at least", "at the least", "plus"), ">="),
        **dict.fromkeys(("or less", "or lower", "or shorter", "or under", "or below", "or fewer", "or cheaper"), "<="),
        **dict.fromkeys(("or earlier", "or older", "tops", "max", "maximum", "at most", "at the most"), "<="),
    },
    exactly=frozenset(("exactly", "precisely")),
    ranges=(("between", "and"), ("from", "to"), ("", "to"), ("from", "until"), ("from", "through")),
    negations=(
        "no",
        "not",
        "never",
        "without",
        "except",
        "except for",
        "nothing",
        "none",
        "avoid",
        "hate",
        "dislike",
        "don't",
        "do not",
        "isn't",
        "can't",
        "cannot",
        "won't",
        "shouldn't",
        "mustn't",
        "anything but",
        "everything but",
        "sick of",
        "tired of",
        "skip",
        "rather than",
        "instead of",
    ),
    affirmations=("but", "i want", "i'd like", "i would like", "rather", "prefer", "only", "instead", "should be", "must be"),
    alternatives=frozenset(("or", "either")),
    possessives=frozenset(("my", "our", "your", "his", "her", "their")),
    owning=("i have", "i've got", "i subscribe", "i pay for", "i can watch", "my services", "we have", "we've got"),
    too=frozenset(("too",)),
    indifferent=(
        "don't mind",
        "do not mind",
        "don't care",
        "do not care",
        "no preference",
        "no preferences",
        "no strong feelings",
        "doesn't matter",
        "does not matter",
        "don't know",
        "do not know",
        "not sure",
        "no idea",
        "whatever",
        "any of them",
        "all of them",
        "anything",
        "anything goes",
        "any is fine",
        "up to you",
        "you choose",
        "you decide",
        "nothing in particular",
        "no limit",
        "never mind",
        "forget",
        "all major",
        "all the major",
        "everything",
        "hard to say",
    ),
    accepts=(
        "yes",
        "yeah",
        "yep",
        "sure",
        "ok",
        "okay",
        "perfect",
        "great",
        "sounds good",
        "sounds great",
        "i'll take it",
        "i'll watch",
        "that's fine",
        "that is fine",
        "fine",
        "fine with me",
        "good choice",
        "love it",
        "deal",
        "no problem",
        "that works",
    ),
    refuses=(
        "no",
        "nope",
        "nah",
        "not that one",
        "not this one",
        "not for me",
        "pass",
        "something else",
        "another one",
        "another",
        "i don't want that",
        "not quite",
        "not really",
        "seen it",
        "already seen",
        "already watched",
        "doesn't fit",
        "next",
    ),
    numbers=_numbers("one two three four five six seven eight nine ten eleven twelve"),
    hours=re.compile(
        r"\b(?P<hours>\d+(?:[.,]\d+)?)\s*(?:h\b|hours?\b|hrs?\b|h(?=\d))(?:\s*(?:and\s*)?(?P<minutes>\d{1,2})\s*"
        r"(?:m\b|mins?\b|minutes?\b)|(?<=h)(?P<after>\d{2})\b)?",
        re.IGNORECASE,
    ),
    half_hours=(
        (r"\b(?:an|one) hour and a half\b", "90 minutes"),
        (r"\b(\w+) and a half hours?\b", r"\1.5 hours"),
        (r"\b(\w+) hours and a half\b", r"\1.5 hours"),
        (r"\bhalf an hour\b", "30 minutes"),
        (r"\ban hour\b", "1 hours"),
    ),
    decades=re.compile(r"\b(?:the\s+)?(?P<century>19|20)?'?(?P<decade>\d0)s\b", re.IGNORECASE),
)

GERMAN_DIALOGUE = DialogueWords(
    nouns={
        "length": ("laufzeit", "länge", "dauer", "wie lang", "lang", "dauern"),
        "score": ("bewertung", "bewertungen", "bewertet", "note", "sterne", "wertung"),
        "date": ("jahr", "erschienen", "erscheinungsjahr", "von", "aus dem jahr"),
        "price": ("preis", "kosten", "kostet"),
        "count": ("stimmen", "rezensionen"),
        "kind": ("genre", "genres", "art", "kategorie", "richtung"),
        "people": ("regisseur", "regisseurin", "regie", "besetzung", "schauspieler", "schauspielerin", "autor", "autorin"),
        "service": ("dienst", "dienste", "anbieter", "streaming", "plattform"),
        "age": ("altersfreigabe", "freigabe", "freigegeben", "fsk"),
        "sponsored": ("gesponsert", "beworben", "werbung", "anzeige"),
    },
    units={
        **dict.fromkeys(("minuten", "minute", "min"), "length"),
        **dict.fromkeys(("sterne", "sternen", "punkte", "punkten"), "score"),
        **dict.fromkeys(("euro", "eur"), "price"),
        **dict.fromkeys(("stimmen", "rezensionen"), "count"),
    },
    adjectives={
        **dict.fromkeys(("lang", "langes", "langer", "langen"), ("length", "high")),
        **dict.fromkeys(("kurz", "kurzes", "kurzer", "kurzen"), ("length", "low")),
        **dict.fromkeys(("alt", "altes", "alter", "alten"), ("date", "low")),
        **dict.fromkeys(("neu", "neues", "neuer film", "aktuell", "aktuelles"), ("date", "high")),
        **dict.fromkeys(("billig", "günstig", "günstiges"), ("price", "low")),
        **dict.fromkeys(("teuer", "teures"), ("price", "high")),
        "schlecht bewertet": ("score", "low"),
        "gut bewertet": ("score", "high"),
        "beliebt": ("count", "high"),
        "unbekannt": ("count", "low"),
    },
    comparatives={
        **dict.fromkeys(("länger", "längeres"), ("length", "high")),
        **dict.fromkeys(("kürzer", "kürzeres"), ("length", "low")),
        **dict.fromkeys(("älter", "älteres"), ("date", "low")),
        **dict.fromkeys(("neuer", "neueres", "aktueller"), ("date", "high")),
        **dict.fromkeys(("billiger", "günstiger"), ("price", "low")),
        "teurer": ("price", "high"),
        **dict.fromkeys(("besser bewertet", "besser", "besseres"), ("score", "high")),
        "schlechter bewertet": ("score", "low"),
        **dict.fromkeys(("bekannter", "beliebter"), ("count", "high")),
    },
    bounds_before={
        **dict.fromkeys(("mindestens", "wenigstens", "nicht weniger als", "minimum"), (">=", None)),
        **dict.fromkeys(("ab", "ab dem jahr"), (">=", None)),
        **dict.fromkeys(("seit",), (">=", "date")),
        **dict.fromkeys(("mehr als", "über", "höher als"), (">", None)),
        "länger als": (">", "length"),
        **dict.fromkeys(("neuer als", "nach"), (">", "date")),
        **dict.fromkeys(("höchstens", "maximal", "bis", "bis zu", "nicht mehr als", "nicht über"), ("<=", None)),
        "nicht länger als": ("<=", "length"),
        **dict.fromkeys(("weniger als", "unter"), ("<", None)),
        "kürzer als": ("<", "length"),
        **dict.fromkeys(("vor", "älter als"), ("<", "date")),
    },
    bounds_after={
        **dict.fromkeys(("oder mehr", "oder höher", "oder besser", "oder länger", "oder neuer", "aufwärts"), ">="),
        **dict.fromkeys(("oder weniger", "oder kürzer", "oder älter", "höchstens"), "<="),
    },
    exactly=frozenset(("genau",)),
    ranges=(("zwischen", "und"), ("von", "bis"), ("", "bis")),
    negations=(
        *("kein", "keine", "keinen", "keinem", "keiner", "nicht", "nie", "niemals", "ohne", "außer", "nichts", "hasse"),
        *("alles außer", "statt", "anstatt"),
    ),
    affirmations=("sondern", "aber", "ich will", "ich möchte", "ich hätte gern", "lieber", "nur"),
    alternatives=frozenset(("oder", "entweder")),
    possessives=frozenset(("mein", "meine", "meiner", "meinem", "meinen", "unsere", "unserer")),
    owning=("ich habe", "wir haben", "ich abonniere", "ich bezahle"),
    too=frozenset(("zu",)),
    indifferent=(
        *("egal", "keine vorliebe", "weiß nicht", "keine ahnung", "keine angabe", "spielt keine rolle", "beliebig"),
        *("was auch immer", "alles", "alle", "such du aus", "vergiss", "macht nichts", "stört mich nicht"),
    ),
    accepts=(
        *("ja", "gern", "gerne", "perfekt", "super", "klingt gut", "nehme ich", "passt", "in ordnung", "kein problem"),
    ),
    refuses=("nein", "nö", "lieber nicht", "nicht der", "nicht das", "etwas anderes", "was anderes", "schon gesehen"),
    numbers=_numbers("eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"),
    hours=re.compile(
        r"\b(?P<hours>\d+(?:[.,]\d+)?)\s*(?:h\b|stunden?\b|std\b|h(?=\d))(?:\s*(?:und\s*)?(?P<minutes>\d{1,2})\s*"
        r"(?:min\b|minuten?\b)|(?<=h)(?P<after>\d{2})\b)?",
        re.IGNORECASE,
    ),
    half_hours=(
        (r"\b(?:anderthalb|eineinhalb) stunden\b", "90 minuten"),
        (r"\b(zwei|drei|vier)einhalb stunden\b", r"\1.5 stunden"),
        (r"\beine? halbe stunde\b", "30 minuten"),
        (r"\beine stunde\b", "1 stunden"),
    ),
    decades=re.compile(r"\b(?:(?:den|die|der)\s+)?(?P<century>19|20)?(?P<decade>\d0)er(?:n|\s+jahren?)?\b", re.IGNORECASE),
)

DIALOGUE_LANGUAGES: dict[str, DialogueWords] = {"en": ENGLISH_DIALOGUE, "de": GERMAN_DIALOGUE}
