"""Values: the ratings, amounts or durations that users gave an item, on the average."""

from __future__ import annotations

import numpy as np

from inference.items.table import Doubles, ItemTable, Signal
from inference.signals.columns import Block, FeatureGroup, RankingBatch
from schemas.statistics import ItemStatistics

VALUE_PRIOR = 5.0
"""How many values an item needs until its own mean counts as much as the overall mean."""


class Values(Signal):
    """`sums` and `counts`, float64 `[items]`, of the values of each item, and the mean of all of them."""

    def __init__(self, *, capacity: int) -> None:
        self.sums: Doubles = np.zeros(capacity)
        self.counts: Doubles = np.zeros(capacity)
        self._sum = 0.0
        self._count = 0.0

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` items."""
        spare = np.zeros(capacity - len(self.sums))
        self.sums = np.concatenate([self.sums, spare])
        self.counts = np.concatenate([self.counts, spare])

    def update(self, table: ItemTable, number: int, row: ItemStatistics) -> None:
        """Replace the item's sum and count."""
        self._sum += row.value_sum - self.sums[number]
        self._count += row.value_count - self.counts[number]
        self.sums[number], self.counts[number] = row.value_sum, row.value_count

    def mean(self) -> float:
        """Return the mean of all values given; 0 if there are none."""
        return self._sum / self._count if self._count else 0.0


def fill(batch: RankingBatch) -> Block:
    """Return the item's mean value less the overall mean, shrunk, in thirds of the latter."""
    values = batch.table.signal(Values)
    mean, count = values.mean(), values.counts[batch.items]
    own = (values.sums[batch.items] + VALUE_PRIOR * mean) / (count + VALUE_PRIOR)
    return np.clip((own - mean) / max(abs(mean) / 3.0, 1e-9), -2.0, 2.0)[None]


VALUE_COLUMNS = FeatureGroup(group="value", names=("value",), fill=fill)
