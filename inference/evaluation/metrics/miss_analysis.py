"""Miss analysis: why choices were missed, by how many past events their users have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

GROUP_EDGES = (1, 6, 21)
"""Past events at which the groups begin, after the group of new users."""
GROUPS = ("new", "1-5", "6-20", "more")


class MissAnalysis(Struct, frozen=True):
    """`counts[fate][group]`, with the names of both."""

    fates: tuple[str, ...]
    groups: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def group_of(past: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return the index in `GROUPS` of so many past events.

    >>> group_of(np.array([0, 1, 5, 6, 20, 21], np.int32)).tolist()
    [0, 1, 1, 2, 2, 3]
    """
    return np.searchsorted(np.array(GROUP_EDGES), past, side="right")


def miss_analysis(fates: NDArray[np.int8], past: NDArray[np.int32], names: Sequence[str]) -> MissAnalysis:
    """Count fates (indexes into `names`) by the past events of their users.

    >>> miss_analysis(np.array([0, 1, 1], np.int8), np.array([0, 0, 9], np.int32), ("hit", "missed")).counts
    ((1, 0, 0, 0), (1, 0, 1, 0))
    """
    counts = np.zeros((len(names), len(GROUPS)), np.int64)
    np.add.at(counts, (fates, group_of(past)), 1)
    return MissAnalysis(tuple(names), GROUPS, tuple(tuple(row) for row in counts.tolist()))
