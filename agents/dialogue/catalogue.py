"""The catalogue as a conversation sees it: items with their facts, and the fields that the facts have."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from agents.dialogue.limits import YEAR_OF_DATE, Facts, Value
from features.attribute_values import name_key

FieldKind = Literal["number", "date", "names", "name", "flag"]
Concept = Literal["length", "score", "date", "price", "count", "kind", "maker", "cast", "service", "age", "sponsored"]
"""What a field is about, as far as words and policies have to know it."""

FIELD_WORDS: dict[Concept, tuple[str, ...]] = {
    "age": ("content rating", "age rating", "certificate", "certification", "maturity", "mpaa", "fsk", "pegi", "age"),
    "sponsored": ("sponsored", "promoted", "advertised", "is ad"),
    "service": ("service", "services", "streaming", "platform", "platforms", "provider", "providers", "available on"),
    "count": ("count", "counts", "votes", "reviews", "popularity"),
    "length": ("runtime", "duration", "length", "minutes", "running time", "playing time"),
    "score": ("rating", "score", "stars", "vote average"),
    "date": ("date", "year", "released", "published"),
    "price": ("price", "cost"),
    "kind": ("genre", "genres", "category", "categories", "kind", "type", "style"),
    "maker": ("director", "directors", "author", "authors", "artist", "artists", "creator", "creators", "brand"),
    "cast": ("cast", "actor", "actors", "starring"),
}
"""Words in the names of fields, by concept; the first concept that fits counts."""
NAMING_FIELDS = frozenset({"id", "item_id", "title", "name"})
LONGEST_NAME = 60
"""Strings of more characters, on average, are texts and no names."""
OFFERED_VALUES = 8
"""How many values a question offers at most."""
_KINDS_OF_CONCEPTS: dict[Concept, tuple[FieldKind, ...]] = {
    "age": ("name", "names", "number"),
    "sponsored": ("flag",),
    "service": ("names", "name"),
    "count": ("number",),
    "length": ("number",),
    "score": ("number",),
    "date": ("date", "number"),
    "price": ("number",),
    "kind": ("names", "name"),
    "maker": ("names", "name"),
    "cast": ("names", "name"),
}


class ItemOnOffer(Struct, frozen=True):
    """An item that a conversation may end in: its facts, and a weight above 0: how well it suits the user otherwise."""

    item_id: str
    title: str
    facts: Facts
    weight: float = 1.0


class FactField(Struct, frozen=True):
    """A field of the facts: what kind of values it has, what it is about if known, and its names, most common first.

    `coverage` is the share of items that have one of the few most common names, 1 for numbers and dates.
    """

    name: str
    kind: FieldKind
    concept: Concept | None = None
    values: tuple[str, ...] = ()
    coverage: float = 1.0

    @property
    def words(self) -> str:
        """Return the field's name as words."""
        return self.name.replace("_", " ").strip()


class OfferedCatalogue:
    """Items by id, and the fields of their facts in the order in which the facts name them.

    >>> films = [ItemOnOffer("a", "Up", {"runtime": 96.0, "genres": ("Family",)}), ItemOnOffer("b", "It", {})]
    >>> [(field.name, field.kind, field.concept) for field in OfferedCatalogue(films).fields.values()]
    [('runtime', 'number', 'length'), ('genres', 'names', 'kind')]
    """

    def __init__(self, items: Sequence[ItemOnOffer]) -> None:
        self.items: Mapping[str, ItemOnOffer] = {item.item_id: item for item in items}
        columns: dict[str, list[Value]] = {}
        for item in self.items.values():
            for name, value in item.facts.items():
                if value not in ((), ""):
                    columns.setdefault(name, []).append(value)
        found = [_field(name, values, len(self.items)) for name, values in columns.items()]
        self.fields: Mapping[str, FactField] = {one.name: one for one in found if one is not None}

    def of(self, concept: Concept) -> FactField | None:
        """Return the first field that is about this."""
        return next((field for field in self.fields.values() if field.concept == concept), None)

    def median(self, field: str) -> float | None:
        """Return the median of a field of numbers."""
        numbers = [float(v) for item in self.items.values() if isinstance(v := item.facts.get(field), int | float)]
        return statistics.median(numbers) if numbers else None


def facts_of(row: Mapping[str, object]) -> dict[str, Value]:
    """Return the facts among the values of a JSON object; names, texts of other shapes and nulls are left out.

    >>> facts_of({"id": "a", "title": "Up", "runtime": 96, "genres": ["Family"], "sponsored": False, "x": None})
    {'runtime': 96.0, 'genres': ('Family',), 'sponsored': False}
    """
    facts: dict[str, Value] = {}
    for name, value in row.items():
        if name in NAMING_FIELDS:
            continue
        if isinstance(value, bool | str):
            facts[name] = value
        elif isinstance(value, int | float):
            facts[name] = float(value)
        elif isinstance(value, list | tuple):
            facts[name] = tuple(str(one) for one in value if isinstance(one, str | int | float))
    return facts


def _field(name: str, values: Sequence[Value], items: int) -> FactField | None:
    kind = _kind(values)
    if kind is None:
        return None
    concept = _concept(name, kind)
    if kind not in ("names", "name"):
        return FactField(name, kind, concept)
    many = [value if isinstance(value, tuple) else (str(value),) for value in values]
    counts = Counter(one for names in many for one in dict.fromkeys(names))
    common = tuple(value for value, _ in counts.most_common())
    offered = set(common[:OFFERED_VALUES])
    covered = sum(not offered.isdisjoint(names) for names in many)
    return FactField(name, kind, concept, common, covered / items)


def _kind(values: Sequence[Value]) -> FieldKind | None:
    """Return the kind of most of the values; none for texts."""
    kinds = Counter[FieldKind | None](map(_kind_of, values))
    kind = kinds.most_common(1)[0][0]
    if kind in ("name", "names"):
        lengths = [len(one) for v in values for one in (v if isinstance(v, tuple) else (str(v),))]
        return kind if statistics.fmean(lengths) <= LONGEST_NAME else None
    return kind


def _kind_of(value: Value) -> FieldKind:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, tuple):
        return "names"
    return "date" if YEAR_OF_DATE.match(value) and len(value) > 4 else "name"


def _concept(name: str, kind: FieldKind) -> Concept | None:
    padded = f" {name_key(name.replace('_', ' '))} "
    return next(
        (
            concept
            for concept, words in FIELD_WORDS.items()
            if kind in _KINDS_OF_CONCEPTS[concept] and any(f" {word} " in padded for word in words)
        ),
        None,
    )
