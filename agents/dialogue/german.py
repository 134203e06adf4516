"""The German words of a conversation."""

from __future__ import annotations

import re

from agents.dialogue.vocabulary import DialogueWords, numbered

GERMAN_DIALOGUE = DialogueWords(
    nouns={
        "length": ("laufzeit", "länge", "dauer", "wie lang", "lang", "dauern"),
        "score": ("bewertung", "bewertungen", "bewertet", "note", "sterne", "wertung"),
        "date": ("jahr", "erschienen", "erscheinungsjahr", "von", "aus dem jahr"),
        "price": ("preis", "kosten", "kostet"),
        "count": ("stimmen", "rezensionen"),
        "kind": ("genre", "genres", "art", "kategorie", "richtung"),
        "maker": ("regisseur", "regisseurin", "regie", "autor", "autorin", "marke"),
        "cast": ("besetzung", "schauspieler", "schauspielerin"),
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
    numbers=numbered("eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"),
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
    decades=re.compile(
        r"\b(?:(?:den|die|der)\s+)?(?P<century>19|20)?(?P<decade>\d0)er(?:n|\s+jahren?)?\b", re.IGNORECASE
    ),
)
