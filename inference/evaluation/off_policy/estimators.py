"""What a policy would have earned, from a log that another one drew: importance weights, and how far to trust them.

Everything is in arrays `[lists, places]`: what was clicked, and with which probability the target does what was done,
over the probability with which it was done (the ratio). The value of a policy is its clicks per list.

- IPS weights each click by its ratio: unbiased, and noisy (Horvitz and Thompson, JASA 1952).
- SNIPS divides by the weights' own mean: slightly biased, far less noisy (Swaminathan and Joachims, NeurIPS 2015).
- Doubly robust takes a model's word first and weights only what the model got wrong (Dudik et al., ICML 2011;
  along a list: Kiyohara et al., WSDM 2022). A wrong model costs precision, not truth.

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
"""What a click is taken to depend on, and so which ratios multiply to its weight:

- `item`: its item and place. The ratio is of marginals, see `inference.evaluation.off_policy.policies` (Li et al., KDD
  2018).
- `cascade`: the items above it too. The product of the ratios down to the place (McInerney et al., KDD 2020).
- `slate`: the whole list. The product of all ratios, at every place.
- `place`: anything; but the value is another: the target fills one place at a time, the rest is as it was logged.
"""


class LoggedTrial(Struct, frozen=True, kw_only=True):
    """A target over logged lists: `clicks` and `ratio` are float64 `[lists, places]`; `filled`, bool of that shape,
    says which places a list has; `users` int64 `[lists]` tells people apart.

    `ratio` is of marginals for `item`, else of probabilities given the items above. `modelled` are clicks that a model
    expects, `[2, lists, places]`: of what was shown, and of what the target would show there. `uncovered` is the share
    of what the target would show that the log hardly ever does.
    """

    by: By
    clicks: Doubles
    ratio: Doubles
    filled: NDArray[np.bool_]
    users: Ints
    modelled: Doubles | None = None
    uncovered: float = 0.0


class Overlap(Struct, frozen=True):
    """How far the log speaks for the target.

    `effective`: as many lists of the target's own would tell as much (Kish 1965). `largest` weight; `mean` weight with
    an interval that misses 1 in one log of a thousand if all is well; `clipped`: which share of the weights was cut;
    `uncovered`: which share of what the target would show the log hardly ever does, so that no weight can stand for it.
    """

    lists: int
    effective: float
    largest: float
    mean: Interval
    clipped: float
    uncovered: float


class Weighed(Struct, frozen=True):
    """Weights `[lists, places]` of clicks, and of what a model expects there: the weights without the place's own."""

    click: Doubles
    before: Doubles
    clipped: float = 0.0


def weigh(trial: LoggedTrial, clip: float = np.inf) -> Weighed:
    """The weights that `By` says, none above `clip`.

    >>> two = np.array([[2.0, 0.5]])
    >>> def trial(by): return LoggedTrial(by=by, clicks=two, ratio=two, filled=two > 0, users=np.array([0]))
    >>> [weigh(trial(by)).click.tolist() for by in ("item", "cascade", "slate")]
    [[[2.0, 0.5]], [[2.0, 1.0]], [[1.0, 1.0]]]
    """
    ratio = np.where(trial.filled, trial.ratio, 1.0)
    upto = ratio.cumprod(axis=1)
    match trial.by:
        case "item" | "place":
            click, before = ratio, np.ones_like(ratio)
        case "cascade":
            click, before = upto, np.concatenate([np.ones((len(ratio), 1)), upto[:, :-1]], axis=1)
        case "slate":
            click = np.repeat(upto[:, -1:], ratio.shape[1], axis=1)
            before = click
    cut = float((click[trial.filled] > clip).mean()) if trial.filled.any() else 0.0
    return Weighed(np.minimum(click, clip), np.minimum(before, clip), cut)


def ips(trial: LoggedTrial, weighed: Weighed) -> Doubles:
    """Each list's part in the IPS estimate, `[lists]`: their mean is the estimate."""
    parts: Doubles = np.where(trial.filled, weighed.click * trial.clicks, 0.0).sum(axis=1)
    return parts


def snips(trial: LoggedTrial, weighed: Weighed) -> Doubles:
    """Each list's part in the SNIPS estimate, `[lists]`, weights normalised place by place (linearised)."""
    filled = trial.filled.astype(np.float64)
    weights = weighed.click * filled
    total = weights.sum(axis=0)
    value = (weights * trial.clicks).sum(axis=0) / np.where(total > 0.0, total, 1.0)
    share = filled.sum(axis=0) / len(filled)
    scaled = weights * (trial.clicks - value) * len(filled) / np.where(total > 0.0, total, 1.0)
    parts: Doubles = (filled * value + share * scaled).sum(axis=1)
    return parts


def doubly_robust(trial: LoggedTrial, weighed: Weighed) -> Doubles:
    """Each list's part in the doubly robust estimate, `[lists]`.

    Raises:
        ValueError: the trial has no model, or goes by whole slates, whose expectation is no sum over places.
    """
    if trial.modelled is None or trial.by == "slate":
        raise ValueError(f"a doubly robust estimate needs a model and places: by {trial.by!r}")
    of_shown, of_target = trial.modelled
    cells = weighed.before * of_target + weighed.click * (trial.clicks - of_shown)
    parts: Doubles = np.where(trial.filled, cells, 0.0).sum(axis=1)
    return parts


def overlap(trial: LoggedTrial, weighed: Weighed, confidence: float = 0.999) -> Overlap:
    """How far these weights can be trusted."""
    weights = weighed.click[trial.filled]
    places = max(1.0, trial.filled.sum() / max(1, len(trial.users)))
    squares = float((weights**2).sum())
    per_list = np.where(trial.filled, weighed.click, 0.0).sum(axis=1) / trial.filled.sum(axis=1).clip(1)
    return Overlap(
        lists=len(trial.users),
        effective=float(weights.sum() ** 2 / squares / places) if squares else 0.0,
        largest=float(weights.max(initial=0.0)),
        mean=cluster_robust(per_list, trial.users, confidence),
        clipped=weighed.clipped,
        uncovered=trial.uncovered,
    )
