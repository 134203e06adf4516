"""Off-policy estimators: the value of a policy from a log that another one drew, by importance weights.

Everything is in arrays `[lists, positions]`: clicks, and ratios of the probability with which the target shows the
logged item to the probability with which it was logged. The value of a policy is its clicks per list.

- IPS weights each click by its ratio: unbiased, and noisy (Horvitz and Thompson, JASA 1952).
- SNIPS divides by the weights' own mean: slightly biased, far less noisy (Swaminathan and Joachims, NeurIPS 2015).
- Doubly robust starts from a click model and weights only its errors (Dudik et al., ICML 2011; along a list: Kiyohara
  et al., WSDM 2022). A wrong model costs precision, not consistency.

Intervals are those of `inference.evaluation.intervals.cluster_robust`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.evaluation.intervals.cluster_robust import cluster_robust
from inference.evaluation.intervals.interval import Doubles, Interval

Ints = NDArray[np.int64]
By = Literal["item", "place", "cascade", "slate"]
"""What a click is assumed to depend on, and so which ratios multiply to its weight:

- `item`: its item and position. The ratio is of marginals, see `inference.evaluation.off_policy.policies` (Li et al.,
  KDD 2018).
- `cascade`: the items above it too. The product of the ratios down to the position (McInerney et al., KDD 2020).
- `slate`: the whole list. The product of all ratios, at every position.
- `place`: anything; but it estimates another value: the target fills one position at a time of the list as logged.
"""


class LoggedTrial(Struct, frozen=True, kw_only=True):
    """A target over logged lists: `clicks` and `ratio` are float64 `[lists, positions]`; `filled`, bool of that shape,
    says which positions a list has; `users` int64 `[lists]` numbers their users.

    `ratio` is of marginals for `item`, else of probabilities given the items above. `modelled` are clicks that a model
    expects, `[2, lists, positions]`: of the shown items, and of what the target would show. `uncovered` is the share of
    what the target would show that the log hardly ever shows.
    """

    by: By
    clicks: Doubles
    ratio: Doubles
    filled: NDArray[np.bool_]
    users: Ints
    modelled: Doubles | None = None
    uncovered: float = 0.0


class Overlap(Struct, frozen=True):
    """How well the log covers the target.

    `effective`: the effective sample size in lists (Kish 1965). `largest` weight; `mean` weight with an interval that
    misses 1 in one log of a thousand if propensities are true; `clipped`: the share of weights that were clipped;
    `uncovered`: the share of what the target would show that the log hardly ever shows, so that no weight represents
    it.
    """

    lists: int
    effective: float
    largest: float
    mean: Interval
    clipped: float
    uncovered: float


class Weighed(Struct, frozen=True):
    """Weights `[lists, positions]` of clicks, and of the model's expectation, which exclude the position's own
    ratio.
    """

    click: Doubles
    before: Doubles
    clipped: float = 0.0


def weigh(trial: LoggedTrial, clip: float = np.inf) -> Weighed:
    """Return the weights by the trial's assumption `By`, clipped at `clip`.

    >>> two = np.array([[2.0, 0.5]])
    >>> def trial(by): return LoggedTrial(by=by, clicks=two, ratio=two, filled=two > 0, users=np.array([0]))
    >>> [weigh(trial(by)).click.tolist() for by in ("item", "cascade", "slate")]
    [[[2.0, 0.5]], [[2.0, 1.0]], [[1.0, 1.0]]]
    """
    ratio = np.where(trial.filled, trial.ratio, 1.0)
    product = ratio.cumprod(axis=1)
    match trial.by:
        case "item" | "place":
            click, before = ratio, np.ones_like(ratio)
        case "cascade":
            click, before = product, np.concatenate([np.ones((len(ratio), 1)), product[:, :-1]], axis=1)
        case "slate":
            click = np.repeat(product[:, -1:], ratio.shape[1], axis=1)
            before = click
    cut = float((click[trial.filled] > clip).mean()) if trial.filled.any() else 0.0
    return Weighed(np.minimum(click, clip), np.minimum(before, clip), cut)


def ips(trial: LoggedTrial, weighed: Weighed) -> Doubles:
    """Return each list's part in the IPS estimate, `[lists]`: their mean is the estimate."""
    parts: Doubles = np.where(trial.filled, weighed.click * trial.clicks, 0.0).sum(axis=1)
    return parts


def snips(trial: LoggedTrial, weighed: Weighed) -> Doubles:
    """Return each list's part in the SNIPS estimate, `[lists]`, weights normalised by position (linearised)."""
    filled = trial.filled.astype(np.float64)
    weights = weighed.click * filled
    total = weights.sum(axis=0)
    value = (weights * trial.clicks).sum(axis=0) / np.where(total > 0.0, total, 1.0)
    share = filled.sum(axis=0) / len(filled)
    scaled = weights * (trial.clicks - value) * len(filled) / np.where(total > 0.0, total, 1.0)
    parts: Doubles = (filled * value + share * scaled).sum(axis=1)
    return parts


def doubly_robust(trial: LoggedTrial, weighed: Weighed) -> Doubles:
    """Return each list's part in the doubly robust estimate, `[lists]`.

    Raises:
        ValueError: the trial has no model, or goes by whole slates, whose expectation is no sum over positions.
    """
    if trial.modelled is None or trial.by == "slate":
        raise ValueError(f"a doubly robust estimate needs a click model and another assumption than by {trial.by!r}")
    of_shown, of_target = trial.modelled
    cells = weighed.before * of_target + weighed.click * (trial.clicks - of_shown)
    parts: Doubles = np.where(trial.filled, cells, 0.0).sum(axis=1)
    return parts


def overlap(trial: LoggedTrial, weighed: Weighed, confidence: float = 0.999) -> Overlap:
    """Return how well these weights cover the target."""
    weights = weighed.click[trial.filled]
    positions = max(1.0, trial.filled.sum() / max(1, len(trial.users)))
    squares = float((weights**2).sum())
    per_list = np.where(trial.filled, weighed.click, 0.0).sum(axis=1) / trial.filled.sum(axis=1).clip(1)
    return Overlap(
        lists=len(trial.users),
        effective=float(weights.sum() ** 2 / squares / positions) if squares else 0.0,
        largest=float(weights.max(initial=0.0)),
        mean=cluster_robust(per_list, trial.users, confidence),
        clipped=weighed.clipped,
        uncovered=trial.uncovered,
    )
