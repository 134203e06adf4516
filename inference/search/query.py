"""What is asked of the catalogue, and what is found: the values of `inference.search.index.SearchIndex`.

A search reads no state of users: who asks passes what the user has stated (`constraints`) and what they are recommended
now (`tastes`).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.ids import ItemId
from schemas.item_perceptions import Embedding
from schemas.plans import Constraints

By = Literal["relevance", "popular", "trending"]
Window = Literal["hour", "day", "week", "month"]


class ItemQuery(Struct, frozen=True, kw_only=True):
    """What is wanted. Everything is optional: without words, vectors or another order, it is what is popular and goes
    with the `tastes`.

    `vectors` are of the words, or of a picture, each compared with items of the same encoder alone. `matching` is a
    filter (`inference.search.filters`), `category` one that all are of, and `boosts` are factors for items that match
    filters of their own. `tastes` are items of the user's list, best first: results that are like them come earlier.
    `left_out` are not returned. `at` is the time as of which items are available and counted, `locale` whose. `by`
    relevance is closeness to words and vectors; popular and trending count choices within the `window`.
    """

    words: str = ""
    vectors: tuple[Embedding, ...] = ()
    matching: str = ""
    category: str = ""
    boosts: str = ""
    constraints: Constraints = Constraints()
    tastes: tuple[ItemId, ...] = ()
    left_out: frozenset[ItemId] = frozenset()
    by: By = "relevance"
    window: Window = "day"
    at: float = 0.0
    locale: str = ""
    n: int = 10


class FoundItem(Struct, frozen=True):
    """An item with the score by which it is sorted: comparable within one answer only."""

    item_id: ItemId
    score: float


class FoundItems(Struct, frozen=True):
    """The best items, and how many there are in all."""

    items: tuple[FoundItem, ...] = ()
    total: int = 0
