"""Coverage and novelty: how much of the catalogue lists show, and how unpopular it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from inference.evaluation.baselines.simple import ItemNumbers
from schemas.ids import ItemId


class CoverageMetrics(Struct, frozen=True):
    """`coverage`: share of the items chosen so far that were in any list. `novelty`: bits, see `CoverageCounter`."""

    coverage: float
    novelty: float


class CoverageCounter:
    """Catalogue coverage (Ge, Delgado-Battenfeld and Jannach, RecSys 2010) and mean self-information of lists.

    The self-information of an item is -log2 of its share of all choices so far (Zhou et al., PNAS 2010; Vargas and
    Castells, RecSys 2011): 1 bit for an item that every second choice is of. An item without a choice counts as one.

    >>> coverage = CoverageCounter()
    >>> for item in "aabc":
    ...     coverage.learn(ItemId(item))
    >>> coverage.add([ItemId("a"), ItemId("b")])
    >>> coverage.shown().novelty
    1.5
    """

    def __init__(self) -> None:
        self._items = ItemNumbers()
        self._counts = np.zeros(1_024)
        self._seen = np.zeros(1_024, np.bool_)
        self._choices = 0
        self._bits = 0.0
        self._slots = 0

    def learn(self, item: ItemId) -> None:
        """Count a choice of the item."""
        number = self._number(item)
        self._counts[number] += 1.0
        self._choices += 1

    def add(self, shown: Sequence[ItemId]) -> None:
        """Count a list, by the choices that were learned before it."""
        numbers = [self._number(item) for item in shown]
        if not numbers:
            return
        counts = np.maximum(1.0, self._counts[numbers])
        self._bits += float(np.log2(max(1, self._choices) / counts).sum())
        self._slots += len(numbers)
        self._seen[numbers] = True

    def shown(self) -> CoverageMetrics:
        """Return both metrics so far."""
        chosen = self._counts > 0
        covered = int((self._seen & chosen).sum())
        return CoverageMetrics(covered / max(1, int(chosen.sum())), self._bits / max(1, self._slots))

    def _number(self, item: ItemId) -> int:
        number = self._items.of(item)
        if number == len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
            self._seen = np.concatenate([self._seen, np.zeros_like(self._seen)])
        return number
