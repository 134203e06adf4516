"""The proposals of all sources, merged into the candidates of one user."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.kernel import Kernel

Candidates = tuple[NDArray[np.int64], NDArray[np.float32]]


def _merged(
    first: NDArray[np.int64],
    proposals: NDArray[np.int64],
    counts: NDArray[np.int64],
    vote: NDArray[np.float32],
    width: int,
    items: int,
) -> Candidates:
    source = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(proposals)) - (counts.cumsum() - counts)[source]
    ordered = np.concatenate([first, proposals[rank.argsort(kind="stable")]])
    order, appeared = np.arange(len(ordered)), np.empty(items, np.int64)
    appeared[ordered[::-1]] = order[::-1]
    candidates = np.sort(ordered[appeared[ordered] == order][:width])
    votes = np.zeros((len(counts), len(candidates)), np.float32)
    if len(candidates):
        rows = np.minimum(candidates.searchsorted(proposals), len(candidates) - 1)
        is_candidate = candidates[rows] == proposals
        votes[source[is_candidate], rows[is_candidate]] = vote[rank[is_candidate]]
    return candidates, votes


def _merged_loops(
    first: NDArray[np.int64],
    proposals: NDArray[np.int64],
    counts: NDArray[np.int64],
    vote: NDArray[np.float32],
    width: int,
    items: int,
) -> Candidates:
    row_of = np.zeros(items, np.int32)  # from 1, once an item is a candidate
    candidates, found, begins = np.empty(width, np.int64), 0, counts.cumsum() - counts
    for item in first:
        if found < width and row_of[item] == 0:
            row_of[item], candidates[found] = 1, item
            found += 1
    for rank in range(len(vote)):
        for source in range(len(counts)):
            if rank < counts[source] and found < width:
                item = proposals[begins[source] + rank]
                if row_of[item] == 0:
                    row_of[item], candidates[found] = 1, item
                    found += 1
    candidates = candidates[:found]
    candidates.sort()
    for row in range(found):
        row_of[candidates[row]] = row + 1
    votes = np.zeros((len(counts), found), np.float32)
    for source in range(len(counts)):
        for rank in range(counts[source]):
            row = row_of[proposals[begins[source] + rank]]
            if row > 0:
                votes[source, row - 1] = vote[rank]
    return candidates, votes


merged_proposals = Kernel(
    _merged,
    _merged_loops,
    signatures=("Tuple((int64[::1], float32[:,::1]))(int64[::1], int64[::1], int64[::1], float32[::1], int64, int64)",),
)
"""Return the first `width` different items among `first` and then the proposals in the order of their ranks, of equal
ones the earlier source first: the candidates, ascending, and the votes of each source for them, `[sources,
candidates]`. `proposals` are those of each source one after the other, `counts` `[sources]` how many each has, and
`vote` is by rank. Item numbers are below `items`.
"""
