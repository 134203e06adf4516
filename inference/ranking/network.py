"""The ranker: a small network with a linear path beside it, as plain arrays.

score = x @ linear + tanh(x @ inner + bias) @ outer, for `x [.., features]`. The linear path starts from what is known
to rank sensibly anywhere, so that the first lists of a new deployment are good; the hidden layer starts at zero and
learns what the linear path cannot express.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.signals.registry import FEATURE_GROUPS, GROUPS_OF_CONTENT_MAP

HIDDEN_UNITS = 32
INITIAL_SEED = 20_240_117
INITIAL_LINEAR = {
    name: weight for group in (*FEATURE_GROUPS, *GROUPS_OF_CONTENT_MAP) for name, weight in group.initial.items()
}
"""The weights of columns on the linear path before anything is learned."""

Arrays = dict[str, NDArray[np.float32]]


def initial(columns: tuple[str, ...]) -> Arrays:
    """Return the weights before learning: the same for the same columns.

    >>> sorted((name, array.shape) for name, array in initial(("covisit", "age")).items())
    [('bias', (32,)), ('inner', (2, 32)), ('linear', (2,)), ('outer', (32,))]
    """
    inner = np.random.default_rng(INITIAL_SEED).standard_normal((len(columns), HIDDEN_UNITS))
    return {
        "linear": np.array([INITIAL_LINEAR.get(name, 0.0) for name in columns], np.float32),
        "inner": (inner / np.sqrt(len(columns))).astype(np.float32),
        "bias": np.zeros(HIDDEN_UNITS, np.float32),
        "outer": np.zeros(HIDDEN_UNITS, np.float32),
    }


def forward(arrays: Arrays, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scores, float32 `[..]`, of `features [.., features]`."""
    flat = features.reshape(-1, features.shape[-1])
    hidden = flat @ arrays["inner"]
    hidden += arrays["bias"]
    np.tanh(hidden, out=hidden)
    scores: NDArray[np.float32] = hidden @ arrays["outer"] + flat @ arrays["linear"]
    return scores.reshape(features.shape[:-1])
