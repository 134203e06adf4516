"""The proposals of all sources, merged into the candidates of one user."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.kernel import NO_ITEM, Kernel


def _merged(
    first: NDArray[np.int64],
    proposals: NDArray[np.int64],
    by_rank: NDArray[np.int64],
    width: int,
    items: int,
) -> NDArray[np.int64]:
    ordered = np.concatenate([first, proposals[by_rank]])
    ordered = ordered[ordered != NO_ITEM]
    _, appeared = np.unique(ordered, return_index=True)
    return np.sort(ordered[np.sort(appeared)[:width]])


def _merged_loops(
    first: NDArray[np.int64],
    proposals: NDArray[np.int64],
    by_rank: NDArray[np.int64],
    width: int,
    items: int,
) -> NDArray[np.int64]:
    is_merged = np.zeros(items, np.bool_)
    merged, found = np.empty(width, np.int64), 0
    for nth in range(len(first) + len(by_rank)):
        item = first[nth] if nth < len(first) else proposals[by_rank[nth - len(first)]]
        if found < width and item != NO_ITEM and not is_merged[item]:
            is_merged[item] = True
            merged[found] = item
            found += 1
    merged = merged[:found]
    merged.sort()
    return merged


merged_proposals = Kernel(
    _merged,
    _merged_loops,
    signatures=("int64[::1](int64[::1], int64[::1], int64[::1], int64, int64)",),
)
"""Return the first `width` different items among `first` and then `proposals` `[slots]` in the order `by_rank`
`[slots]`, ascending. A slot without a proposal holds `NO_ITEM`; item numbers are below `items`.
"""


def _votes(
    candidates: NDArray[np.int64],
    proposals: NDArray[np.int64],
    source: NDArray[np.int64],
    vote: NDArray[np.float32],
    sources: int,
) -> NDArray[np.float32]:
    votes = np.zeros((sources, len(candidates)), np.float32)
    if len(candidates):
        rows = np.minimum(candidates.searchsorted(proposals), len(candidates) - 1)
        is_candidate = candidates[rows] == proposals
        votes[source[is_candidate], rows[is_candidate]] = vote[is_candidate]
    return votes


def _votes_loops(
    candidates: NDArray[np.int64],
    proposals: NDArray[np.int64],
    source: NDArray[np.int64],
    vote: NDArray[np.float32],
    sources: int,
) -> NDArray[np.float32]:
    votes = np.zeros((sources, len(candidates)), np.float32)
    for slot in range(len(proposals)):
        item = proposals[slot]
        low, high = 0, len(candidates)
        while low < high and item != NO_ITEM:
            middle = (low + high) >> 1
            if candidates[middle] < item:
                low = middle + 1
            else:
                high = middle
        if low < len(candidates) and candidates[low] == item:
            votes[source[slot], low] = vote[slot]
    return votes


proposal_votes = Kernel(
    _votes,
    _votes_loops,
    signatures=("float32[:,::1](int64[::1], int64[::1], int64[::1], float32[::1], int64)",),
)
"""Return the votes of each source for each of the `candidates`, which ascend: float32 `[sources, candidates]`. Slot by
slot, `proposals`, their `source` and their `vote` are `[slots]`.
"""
