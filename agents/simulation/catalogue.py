"""What simulated users know of items: their categories, how popular each is, and who has chosen it before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from schemas.ids import ItemId

Doubles = NDArray[np.float64]
PRIOR_CHOICES = 10.0
"""A user's taste begins as everybody's, worth so many choices."""


class SimulatedCatalogue:
    """Items by number, the share that each category has of an item, and counts of choices.

    `shares` is float64 `[items, categories]`, its rows sum to 1 or are zero; `count` float64 `[items]`.

    >>> catalogue = SimulatedCatalogue({ItemId("i1"): ("jazz", "folk"), ItemId("i2"): ()})
    >>> catalogue.shares.tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """

    def __init__(self, categories_of: Mapping[ItemId, tuple[str, ...]]) -> None:
        self.items = list(categories_of)
        self.number = {item: number for number, item in enumerate(self.items)}
        self.categories = list(dict.fromkeys(name for names in categories_of.values() for name in names))
        column = {name: number for number, name in enumerate(self.categories)}
        self.shares: Doubles = np.zeros((len(self.items), len(self.categories)))
        for row, names in enumerate(categories_of.values()):
            for name in names:
                self.shares[row, column[name]] += 1.0 / len(names)
        self.count: Doubles = np.zeros(len(self.items))

    def copy(self) -> SimulatedCatalogue:
        """Return the same items with counts of their own."""
        other = copy(self)
        other.count = self.count.copy()
        return other

    def choose(self, numbers: Iterable[int]) -> None:
        """Count these choices."""
        for number in numbers:
            self.count[number] += 1.0

    @property
    def common_taste(self) -> Doubles:
        """The share of each category in all choices, none of them 0: float64 `[categories]`."""
        counts = self.count @ self.shares + 1.0
        taste: Doubles = counts / counts.sum()
        return taste

    def fit(self, numbers: Sequence[int], taste: Doubles) -> float:
        """Return how many times as much of this taste the items hold as everybody's choices do: 1 for no taste at all,
        and where items have no categories.

        >>> catalogue = SimulatedCatalogue({ItemId("i1"): ("jazz",), ItemId("i2"): ("folk",)})
        >>> catalogue.fit([0], np.array([0.75, 0.25]))
        1.5
        """
        common = float(self.common_taste @ taste)
        return float((self.shares[list(numbers)] @ taste).mean()) / common if common > 0.0 else 1.0

    def taste_of(self, chosen: Iterable[int]) -> Doubles:
        """Return the taste of somebody who made these choices: the share of each category, float64 `[categories]`."""
        counts = self.shares[list(chosen)].sum(axis=0) + PRIOR_CHOICES * self.common_taste
        taste: Doubles = counts / counts.sum()
        return taste
