"""The loss table: what became of each choice, by how well its person was known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

EDGES = (1, 6, 21)
"""Past events at which the groups begin after the newcomers' one."""
GROUPS = ("new", "1-5", "6-20", "more")


class MissAnalysis(Struct, frozen=True):
    """`counts[fate][group]`, with the names of both."""

    fates: tuple[str, ...]
    groups: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def group_of(past: NDArray[np.int32]) -> NDArray[np.intp]:
    """The place in `GROUPS` of so many past events.

    >>> group_of(np.array([0, 1, 5, 6, 20, 21], np.int32)).tolist()
    [0, 1, 1, 2, 2, 3]
    """
    return np.searchsorted(np.array(EDGES), past, side="right")


def miss_analysis(fates: NDArray[np.int8], past: NDArray[np.int32], names: Sequence[str]) -> MissAnalysis:
    """Count fates (places in `names`) by the past events of their people.

    >>> miss_analysis(np.array([0, 1, 1], np.int8), np.array([0, 0, 9], np.int32), ("hit", "missed")).counts
    ((1, 0, 0, 0), (1, 0, 1, 0))
    """
    counts = np.zeros((len(names), len(GROUPS)), np.int64)
    np.add.at(counts, (fates, group_of(past)), 1)
    return MissAnalysis(tuple(names), GROUPS, tuple(tuple(row) for row in counts.tolist()))
