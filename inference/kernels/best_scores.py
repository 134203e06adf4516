"""The best-scored items that a list may hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.kernel import Kernel


def _best(
    values: NDArray[np.floating], numbers: NDArray[np.int64] | None, blocked: NDArray[np.bool_], size: int
) -> NDArray[np.int64]:
    is_blocked = blocked[: len(values)] if numbers is None else blocked[numbers]
    rows = ((values > 0.0) & ~is_blocked).nonzero()[0]
    negated = -values[rows]
    if len(rows) > size:
        leading = negated <= np.partition(negated, size - 1)[size - 1]
        rows, negated = rows[leading], negated[leading]
    rows = rows[negated.argsort(kind="stable")[:size]]
    return rows if numbers is None else numbers[rows]


def _best_loops(
    values: NDArray[np.floating], numbers: NDArray[np.int64] | None, blocked: NDArray[np.bool_], size: int
) -> NDArray[np.int64]:
    best, scores = np.empty(size, np.int64), np.empty(size, values.dtype)
    found, lowest = 0, values.dtype.type(0.0)
    for row in range(len(values)):
        if values[row] > lowest:
            number = row if numbers is None else numbers[row]
            if not blocked[number]:
                found = min(found + 1, size)
                slot = found - 1
                while slot > 0 and scores[slot - 1] < values[row]:
                    scores[slot], best[slot] = scores[slot - 1], best[slot - 1]
                    slot -= 1
                scores[slot], best[slot] = values[row], number
                if found == size:
                    lowest = scores[size - 1]
    return best[:found]


best_scores = Kernel(
    _best,
    _best_loops,
    signatures=(
        "int64[::1](float64[::1], none, boolean[::1], int64)",
        "int64[::1](float64[::1], int64[::1], boolean[::1], int64)",
        "int64[::1](float32[::1], int64[::1], boolean[::1], int64)",
    ),
)
"""Return the item numbers of the `size` (at least one) highest positive `values` whose item is not `blocked`, best
first; of equal ones the earlier. `numbers` are the items of the values, by default 0, 1, ..; `blocked` is by item.
"""
