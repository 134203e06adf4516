"""Metrics of weights on examples: how well they rank the candidate that was chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.learning.examples import Example
from inference.ranking.network import Arrays, forward

Doubles = NDArray[np.float64]
HIT_RANK = 10
WORST_LOSS = 20.0


class ExampleMetrics(Struct, frozen=True):
    """For each example, `[examples]`: gain, whether the rank is within the first `HIT_RANK`, and loss."""

    gain: Doubles
    hit: Doubles
    loss: Doubles


def example_metrics(arrays: Arrays, examples: Sequence[Example]) -> ExampleMetrics:
    """Rank every example's rows by these weights, all in one pass, and return the metrics.

    The rank of the target is one more than the number of candidates above it (one with an equal score counts half).
    Where an example holds a sample, each row stands for as many candidates as its `offset` says: the rank is an
    unbiased estimate of that among all candidates. `gain` is 1 / log2(1 + rank), within (0, 1]; `loss` the negative
    log-likelihood, at most 20. Scores that are not finite gain nothing.
    """
    sizes = [len(example.target) for example in examples]
    scores = forward(arrays, np.concatenate([example.features for example in examples])).astype(np.float64)
    finite = np.isfinite(scores)
    starts = np.cumsum([0, *sizes[:-1]])
    targets = starts + [int(example.target.argmax()) for example in examples]
    scores = np.where(finite, scores, 0.0)
    offsets = np.concatenate([example.offset for example in examples]).astype(np.float64)
    stands_for = np.exp(offsets)
    stands_for[targets] = 0.0
    own = np.repeat(scores[targets], sizes)
    above = (scores > own) + 0.5 * (scores == own)
    rank = 1.0 + np.add.reduceat(above * stands_for, starts)
    sound = np.minimum.reduceat(finite, starts)
    return ExampleMetrics(
        gain=np.where(sound, 1.0 / np.log2(1.0 + rank), 0.0),
        hit=np.where(sound, rank <= HIT_RANK, 0.0),
        loss=np.where(sound, _loss(scores + offsets, targets, starts, sizes), WORST_LOSS),
    )


def _loss(scores: Doubles, targets: NDArray[np.int64], starts: NDArray[np.int64], sizes: Sequence[int]) -> Doubles:
    top = np.maximum.reduceat(scores, starts)
    total = np.log(np.add.reduceat(np.exp(scores - np.repeat(top, sizes)), starts)) + top
    loss: Doubles = np.clip(total - scores[targets], 0.0, WORST_LOSS)
    return loss
