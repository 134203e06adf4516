"""Which candidates of a prequential query an example keeps, so that the ranking log is small and the learner unbiased.

The hardest candidates are always kept, the others are sampled. In the softmax each sampled one stands for several that
were left out, so its score is raised by the logarithm of how many (logQ correction: Bengio and Senecal, 2008).
"""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from inference.query import Ranking

HARD_NEGATIVES = 9
"""How many of the best-ranked candidates are kept beside the choice."""
EXAMPLE_ROWS = 32
"""How many candidates are kept in all."""
USUAL_CANDIDATES = 140
"""About how many candidates a list is made from."""


def sample(ranking: Ranking, seed: int) -> NDArray[np.intp]:
    """Return the rows of an example: the choice, the `HARD_NEGATIVES` best others, random ones; none without a
    choice.
    """
    if ranking.chosen is None:
        return np.empty(0, np.intp)
    hard = [placed.row for placed in ranking.slate if placed.row not in (ranking.chosen, -1)][:HARD_NEGATIVES]
    left = np.ones(len(ranking.items), np.bool_)
    left[[ranking.chosen, *hard]] = False
    sampled = np.random.default_rng(seed).permutation(np.flatnonzero(left))[: EXAMPLE_ROWS - 1 - len(hard)]
    return np.concatenate([[ranking.chosen], hard, sampled]).astype(np.intp)


def correction(rows: int) -> NDArray[np.float32]:
    """Return the logQ correction of a sample's rows, `[rows]`; zeros if it is so small that all were kept.

    >>> correction(3).tolist()
    [0.0, 0.0, 0.0]
    >>> correction(EXAMPLE_ROWS)[:HARD_NEGATIVES + 1].any(), float(correction(EXAMPLE_ROWS)[-1]) > 1.0
    (np.False_, True)
    """
    added = np.zeros(rows, np.float32)
    if rows == EXAMPLE_ROWS:
        added[1 + HARD_NEGATIVES :] = log((USUAL_CANDIDATES - 1 - HARD_NEGATIVES) / (EXAMPLE_ROWS - 1 - HARD_NEGATIVES))
    return added
