"""The content map: factors for items that hardly anybody has met, from what they say and look like.

A ridge regression from content to the learned factors of `inference.signals.factors` (attribute-to-feature mapping:
Gantner et al., ICDM 2010). It rests on the items that have been chosen, each the more the more events it has, and it
speaks for the others: by how many events an item has, its predicted affinity gives way to its own.

The map follows from the table and from the factors that were loaded last, so it travels with the weights, and but for
rounding is the same in a worker, in a backtest and after a restart. Loading factors projects every item that they name
again: some 20 µs each. The map exists only where a query asks for it (`ranking.content_map`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.item_content import CONTENT_DIMENSIONS
from features.item_factors import FACTOR_DIMENSIONS
from inference.items.table import Doubles, ItemTable, Numbers, Signal
from inference.kernels.best_scores import best_scores
from inference.learning.ridge import OnlineRidge
from inference.ranking_context import RankingContext, once_per_query
from inference.signals.columns import Block, FeatureGroup, RankingBatch, pick
from inference.signals.content import Content
from inference.signals.factors import Factors
from inference.signals.perceptions import Perceptions
from inference.signals.source import CandidateSource, nothing
from schemas.ids import ItemId
from schemas.items import Item
from schemas.statistics import ItemStatistics

PERCEIVED_DIMENSIONS = 64
"""What encoders perceived of an item is projected to so many numbers."""
MAP_INPUTS = CONTENT_DIMENSIONS + PERCEIVED_DIMENSIONS + 1
"""Words, what was perceived, and a constant."""
MAP_OUTPUTS = FACTOR_DIMENSIONS + 1
"""An item's appeal and lean."""
OWN_EVENTS = 5.0
"""The number of events at which an item's own factors and the predicted ones count alike."""
MAP_PENALTY = 1.0
HARDLY_MET = 5
"""The source proposes items of at most so many events."""
SEARCHED_ITEMS = 4_096
"""And among these the newest so many."""
ENCODERS_AT_ONCE = 16
"""Of how many encoders the projections are kept."""

Floats = NDArray[np.float32]


class ContentMap(Signal):
    """The regression, brought up to date when it is asked for."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._changed: set[int] | None = None
        """Items that may have changed since the last solution; none until the map is asked for."""
        self._ridge: OnlineRidge | None = None
        self._perceived: Floats = np.zeros((0, PERCEIVED_DIMENSIONS), np.float32)
        self._coefficients: Doubles = np.zeros((MAP_INPUTS, MAP_OUTPUTS))
        self._hardly_met: Numbers = nothing()

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        self._capacity = capacity
        if self._ridge is not None:
            self._ridge.grow(capacity)
            more = np.zeros((capacity - len(self._perceived), PERCEIVED_DIMENSIONS), np.float32)
            self._perceived = np.concatenate([self._perceived, more])

    def add(self, table: ItemTable, number: int) -> None:
        """Take note of a new item."""
        self._note((number,))

    def describe(self, table: ItemTable, number: int, item: Item) -> None:
        """Take note of new content."""
        self._note((number,))

    def withdraw(self, table: ItemTable, number: int) -> None:
        """Take note that the item is gone."""
        self._note((number,))

    def update(self, table: ItemTable, number: int, row: ItemStatistics) -> None:
        """Take note of new events."""
        self._note((number,))

    def changed(self, table: ItemTable, items: Iterable[ItemId]) -> None:
        """Take note that factors were learned of these items, or that they were perceived."""
        if self._changed is not None:
            self._note(table.number[item] for item in items if item in table.number)

    def coefficients(self, table: ItemTable) -> Doubles:
        """Return the map as of now, `[MAP_INPUTS, MAP_OUTPUTS]`."""
        self._refresh(table)
        return self._coefficients

    def hardly_met(self, table: ItemTable) -> Numbers:
        """Return the newest items of at most `HARDLY_MET` events, ascending; at most `SEARCHED_ITEMS`."""
        self._refresh(table)
        return self._hardly_met

    def inputs(self, table: ItemTable, items: Numbers) -> Floats:
        """Return the items' content as the map reads it, float32 `[items, MAP_INPUTS]`; zero for items without any."""
        self._refresh(table)
        return self._inputs(table, items)

    def _inputs(self, table: ItemTable, items: Numbers) -> Floats:
        rows = np.zeros((len(items), MAP_INPUTS), np.float32)
        rows[:, :CONTENT_DIMENSIONS] = table.signal(Content).vectors.take(items, axis=0)
        rows[:, CONTENT_DIMENSIONS:-1] = self._perceived.take(items, axis=0)
        rows[:, -1] = rows.any(axis=1)
        return rows

    def _note(self, numbers: Iterable[int]) -> None:
        if self._changed is not None:
            self._changed.update(numbers)

    def _refresh(self, table: ItemTable) -> None:
        """Bring the map up to date, from all items the first time and then from those that changed."""
        if self._ridge is None or self._changed is None:
            self._ridge = OnlineRidge(inputs=MAP_INPUTS, outputs=MAP_OUTPUTS, capacity=self._capacity)
            self._perceived = np.zeros((self._capacity, PERCEIVED_DIMENSIONS), np.float32)
            self._changed = set(range(len(table)))
        if not self._changed:
            return
        items = np.array(sorted(self._changed), np.int64)
        self._changed = set()
        perceptions = table.signal(Perceptions)
        for number in items.tolist():
            self._perceived[number] = _projected(perceptions.vectors_of(number))
        outputs, is_learned = table.signal(Factors).learned(items)
        events = table.count[items]
        inputs = self._inputs(table, items)
        is_there = ~table.availability.withdrawn[items]
        weight = is_there * is_learned * inputs[:, -1] * events / (events + OWN_EVENTS)
        self._ridge.put(items, inputs, outputs, weight)
        self._coefficients = self._ridge.solve(MAP_PENALTY)
        is_cold = (table.count[: len(table)] <= HARDLY_MET) & ~table.availability.withdrawn[: len(table)]
        self._hardly_met = np.flatnonzero(is_cold)[-SEARCHED_ITEMS:]


def _projected(vectors: Iterable[tuple[str, Floats]]) -> Floats:
    """Return what was perceived of an item as one vector: float32 `[PERCEIVED_DIMENSIONS]`.

    Each encoder has a random projection of its own (Achlioptas, 2003), so that vectors of several are never confused.
    """
    total = np.zeros(PERCEIVED_DIMENSIONS, np.float32)
    for encoder, vector in vectors:
        total += vector @ _projection(encoder, len(vector))
    return total


@lru_cache(maxsize=ENCODERS_AT_ONCE)
def _projection(encoder: str, width: int) -> Floats:
    signs = np.random.default_rng(list(encoder.encode())).choice((-1.0, 1.0), (width, PERCEIVED_DIMENSIONS))
    projection: Floats = (signs / np.sqrt(PERCEIVED_DIMENSIONS)).astype(np.float32)
    return projection


@once_per_query
def wanted(context: RankingContext, table: ItemTable) -> Floats:
    """Return the direction of the user's newest items in terms of content, float32 `[MAP_INPUTS]`: its product with an
    item's content is the predicted affinity.
    """
    direction = np.ones(MAP_OUTPUTS)
    direction[:-1] = table.signal(Factors).direction(context.recent)
    own: Floats = (table.signal(ContentMap).coefficients(table) @ direction).astype(np.float32)
    return own


def predicted(context: RankingContext, table: ItemTable, items: Numbers) -> Floats:
    """Return each item's predicted affinity to the user, less by the events that it has had: float32 `[items]`."""
    affinities: Floats = table.signal(ContentMap).inputs(table, items) @ wanted(context, table)
    affinities *= OWN_EVENTS / (OWN_EVENTS + table.count[items])
    return affinities


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the items that hardly anybody has met and that the map expects to draw the user most."""
    items = table.signal(ContentMap).hardly_met(table)
    if not len(items):
        return nothing()
    return best_scores(predicted(context, table, items), items, context.blocked, size)


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return that it resembles what users with the same choices like, if the user has chosen anything."""
    if len(context.recent):
        return "hardly anybody knows this yet, but it is like what suits your taste"
    return "hardly anybody knows this yet, but it is like what others choose"


def fill(batch: RankingBatch) -> Block:
    """Return the predicted affinity."""
    return np.clip(pick(batch, predicted), -8.0, 8.0)


MAP_SOURCE = CandidateSource(name="mapped", propose=propose, size=10, reason=reason)
MAP_COLUMNS = FeatureGroup(group="mapped", names=("mapped_affinity",), fill=fill, initial={"mapped_affinity": 1.0})
