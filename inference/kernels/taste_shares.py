"""How much of a user's choices each candidate's categories have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.kernel import Kernel


def _shares(
    of_recent: NDArray[np.int32],
    rewards: NDArray[np.float64],
    newest: int,
    of_candidates: NDArray[np.int32],
    categories: int,
) -> NDArray[np.float64]:
    spread_over = np.zeros((3, categories))
    now, tiled = of_recent[:, :newest], np.tile(rewards, len(of_recent))
    spread_over[0] = np.bincount(now.ravel(), minlength=categories) / now.shape[1]
    spread_over[1] = np.bincount(of_recent.ravel(), minlength=categories) / of_recent.shape[1]
    spread_over[2] = np.bincount(of_recent.ravel(), tiled, minlength=categories) / of_recent.shape[1]
    spread_over[:, 0] = 0.0
    shares: NDArray[np.float64] = spread_over.take(of_candidates, axis=1).sum(axis=1)
    shares /= np.maximum(1, np.count_nonzero(of_candidates, axis=0))
    return shares


def _shares_loops(
    of_recent: NDArray[np.int32],
    rewards: NDArray[np.float64],
    newest: int,
    of_candidates: NDArray[np.int32],
    categories: int,
) -> NDArray[np.float64]:
    spread_over = np.zeros((3, categories))
    recent = of_recent.shape[1]
    for slot in range(len(of_recent)):
        for nth in range(recent):
            category = of_recent[slot, nth]
            spread_over[0, category] += nth < newest
            spread_over[1, category] += 1.0
            spread_over[2, category] += rewards[nth]
    spread_over[0] /= min(newest, recent)
    spread_over[1] /= recent
    spread_over[2] /= recent
    spread_over[:, 0] = 0.0
    shares = np.zeros((3, of_candidates.shape[1]))
    for row in range(of_candidates.shape[1]):
        own = 0
        for slot in range(len(of_candidates)):
            category = of_candidates[slot, row]
            own += category != 0
            for kind in range(3):
                shares[kind, row] += spread_over[kind, category]
        for kind in range(3):
            shares[kind, row] /= max(1, own)
    return shares


taste_shares = Kernel(
    _shares,
    _shares_loops,
    signatures=("float64[:,::1](int32[:,::1], float64[::1], int64, int32[:,::1], int64)",),
)
"""Return the share of the user's choices in the categories of each candidate, on the average over these: of the
`newest` choices, of all, and of all by their `rewards` `[recent]`: `[3, candidates]`. Categories are `of_recent`
`[slots, recent]` (at least one) and `of_candidates` `[slots, candidates]`, below `categories`; 0 is none.
"""
