"""The table of half-lives: how fast the counts of each signal decay, one row per count.

Changing, adding or removing a row of popularity or segments is one line: counts, columns of the ranker, candidate
sources and feature views follow. Its feature-schema id is another then: learned weights are never read against other
columns.
Co-visits and transitions need no more than their row, in whatever years events are (`inference.signals.landmark`).
Statistics that were folded with other half-lives decay at the new ones from their last event on; `lifelong rebuild`
folds them anew. Rows of another length are refused until then (`features.statistics.check_row`).
"""

from __future__ import annotations

from msgspec import Struct

from features.decay import DAY


class HalfLife(Struct, frozen=True, kw_only=True):
    """One decayed count: after so many `seconds` an event counts half."""

    seconds: float

    @property
    def name(self) -> str:
        """The half-life as columns name it.

        >>> HalfLife(seconds=0.25 * DAY).name
        '0.25d'
        """
        return f"{self.seconds / DAY:g}d"


class PopularityHalfLife(HalfLife, frozen=True, kw_only=True):
    """A decayed count of popularity, and what it is used for.

    - `initial_weight`: what the ranker gives the count, relative to the highest of the list, before it has learned.
    - `has_level`: whether the count itself is a column of the ranker, not only its ratio to others.
    - `orders_categories`: whether the items of a category are ordered by it; one row is.
    - `is_fallback`: whether a list is ranked by it whose scores cannot be used; one row is.
    - `is_support`: whether it says how many people support an item (`inference.support`); one row is.
    """

    initial_weight: float = 0.0
    has_level: bool = False
    orders_categories: bool = False
    is_fallback: bool = False
    is_support: bool = False


POPULARITY_HALF_LIVES: tuple[PopularityHalfLife, ...] = (
    PopularityHalfLife(seconds=0.05 * DAY),
    PopularityHalfLife(seconds=0.25 * DAY),
    PopularityHalfLife(seconds=1 * DAY, initial_weight=0.5, has_level=True),
    PopularityHalfLife(seconds=3 * DAY, initial_weight=1.0, is_fallback=True),
    PopularityHalfLife(seconds=10 * DAY, has_level=True, orders_categories=True),
    PopularityHalfLife(seconds=40 * DAY, initial_weight=0.5, is_support=True),
    PopularityHalfLife(seconds=200 * DAY),
)
"""Popularity: one decayed count, one candidate source and one set of columns per row; the shortest first."""
[CATEGORY_ORDER] = [index for index, row in enumerate(POPULARITY_HALF_LIVES) if row.orders_categories]
"""The index of the row by which the items of a category are ordered."""
[FALLBACK_ORDER] = [index for index, row in enumerate(POPULARITY_HALF_LIVES) if row.is_fallback]
"""The index of the row by which a list is ranked whose scores cannot be used."""
[SUPPORT_ORDER] = [index for index, row in enumerate(POPULARITY_HALF_LIVES) if row.is_support]
"""The index of the row that says how many people support an item."""

SEGMENT_HALF_LIVES: tuple[HalfLife, ...] = (HalfLife(seconds=1 * DAY), HalfLife(seconds=10 * DAY))
"""Popularity within each user segment."""

COVISIT_HALF_LIFE = HalfLife(seconds=90 * DAY)
"""Items that the same users chose before (recently)."""
TRANSITION_HALF_LIFE = HalfLife(seconds=90 * DAY)
"""Items that the same users chose directly before."""

POPULARITY_SECONDS = tuple(row.seconds for row in POPULARITY_HALF_LIVES)
SEGMENT_SECONDS = tuple(row.seconds for row in SEGMENT_HALF_LIVES)
