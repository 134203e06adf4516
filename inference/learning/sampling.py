"""Which candidates of an exam an example keeps, so that the ranking log stays small and the learner unbiased.

The hardest are kept for certain, the others by chance. In the softmax each of the latter stands for several that were
left out, so its score is raised by the logarithm of how many (logQ correction: Bengio and Senecal, 2008).
"""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from inference.query import Ranking

HARD = 9
"""How many of the best-ranked candidates are kept beside the choice."""
ROWS = 32
"""How many candidates are kept in all."""
USUAL_CANDIDATES = 140
"""About how many candidates a list is made from."""


def sample(ranking: Ranking, seed: int) -> NDArray[np.intp]:
    """Rows for an example: the choice first, then the `HARD` best others, then random ones; none without a choice."""
    if ranking.chosen is None:
        return np.empty(0, np.intp)
    hard = [place.row for place in ranking.slate if place.row not in (ranking.chosen, -1)][:HARD]
    left = np.ones(len(ranking.items), np.bool_)
    left[[ranking.chosen, *hard]] = False
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(left))[: ROWS - 1 - len(hard)]
    return np.concatenate([[ranking.chosen], hard, drawn]).astype(np.intp)


def correction(rows: int) -> NDArray[np.float32]:
    """What to add to the scores of a sample's rows, `[rows]`; nothing if it is so small that all were kept.

    >>> correction(3).tolist()
    [0.0, 0.0, 0.0]
    >>> correction(ROWS)[:HARD + 1].any(), float(correction(ROWS)[-1]) > 1.0
    (np.False_, True)
    """
    added = np.zeros(rows, np.float32)
    if rows == ROWS:
        added[1 + HARD :] = log((USUAL_CANDIDATES - 1 - HARD) / (ROWS - 1 - HARD))
    return added
