"""Small lotteries whose every slate can be written down: what a policy is worth in them is known exactly."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
from msgspec import Struct

from inference.evaluation.off_policy.click_model import cross_fitted
from inference.evaluation.off_policy.estimators import By, LoggedTrial
from inference.evaluation.off_policy.policies import LoggedPolicy, along
from inference.slate import SlateRules

ITEMS, PLACES, KINDS = 5, 3, 4
RULES = SlateRules(rows=ITEMS, size=PLACES)
SLATES = np.array(list(permutations(range(ITEMS), PLACES)))
EACH_PLACE = np.arange(PLACES)
LEFT = np.array([0.5, 0.3, 0.2])
"""How much of an item's appeal is left at each place."""
_draws = np.random.default_rng(11)
APPEAL = _draws.uniform(size=(KINDS, ITEMS))
SCORES = _draws.normal(size=(KINDS, ITEMS))
"""There are several kinds of people: what appeals to them `[kinds, items]`, and what the ranker believes."""


def policy(name: str, kind: int) -> LoggedPolicy:
    return {
        "logged": LoggedPolicy(SCORES[kind], 1.5),
        "bolder": LoggedPolicy(SCORES[kind], 0.7),
        "uniform": LoggedPolicy(np.zeros(ITEMS), 1.0),
        "best": LoggedPolicy(SCORES[kind]),
    }[name]


@cache
def shares(name: str) -> np.ndarray:
    """The probability of each item at each place, given what is above: `[kinds, slates, places, items]`."""
    each = [[along(policy(name, kind), RULES, rows.tolist()) for rows in SLATES] for kind in range(KINDS)]
    return np.array(each)


@cache
def chances(name: str) -> np.ndarray:
    """With which probability it puts there what is there: `[kinds, slates, places]`."""
    return np.take_along_axis(shares(name), SLATES[None, :, :, None], axis=3)[..., 0]


@cache
def marginals(name: str) -> np.ndarray:
    """How often each item is at each place, whatever is above: `[kinds, places, items]`."""
    found = np.zeros((KINDS, PLACES, ITEMS))
    for kind in range(KINDS):
        for rows, chance in zip(SLATES, chances(name)[kind].prod(axis=1), strict=True):
            found[kind, EACH_PLACE, rows] += chance
    return found


@cache
def clicked(by: By) -> np.ndarray:
    """The probability of a click, `[kinds, slates, places]`; it depends on as much of the list as `by` says."""
    appeal = APPEAL[:, SLATES]
    own = appeal * LEFT
    if by == "item":
        return own
    if by == "cascade":
        return own * (1.0 - 0.3 * (appeal.cumsum(axis=2) - appeal))
    return own * (1.0 - 0.2 * (appeal.sum(axis=2, keepdims=True) - appeal))


def truth(target: str, by: By) -> float:
    """Clicks per list, by going through all slates; for `place` each place by the target in a list as logged."""
    slates = chances("logged" if by == "place" else target).prod(axis=2)[..., None]
    each = chances(target) / chances("logged") if by == "place" else 1.0
    return float((slates * each * clicked(by)).sum() / KINDS)


class Log(Struct, frozen=True):
    """Lists of the logging policy: who saw them, of which kind they are, which slate, and the clicks."""

    users: np.ndarray
    kinds: np.ndarray
    slates: np.ndarray
    clicks: np.ndarray


def log(seed: int, by: By, *, people: int = 120, most: int = 12) -> Log:
    """People come more or less often, and click more or less."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(people), rng.integers(1, most, people))
    kinds = rng.integers(KINDS, size=len(users))
    upto = chances("logged").prod(axis=2).cumsum(axis=1)
    slates = (rng.random((len(users), 1)) < upto[kinds]).argmax(axis=1)
    keen = rng.choice([0.4, 1.6], people)[users, None]
    clicks = rng.random((len(users), PLACES)) < keen * clicked(by)[kinds, slates]
    return Log(users, kinds, slates, clicks.astype(float))


def trial(found: Log, target: str, by: By) -> LoggedTrial:
    """The target over this log, with a model that knows the items' appeal a little wrong."""
    items = SLATES[found.slates]
    if by == "item":
        theirs = (marginals(target) / marginals("logged"))[found.kinds[:, None], EACH_PLACE, items]
        wanted = marginals(target)[found.kinds]
    else:
        theirs = (chances(target) / chances("logged"))[found.kinds, found.slates]
        wanted = shares(target)[found.kinds, found.slates]
    hints = APPEAL.round(1)[found.kinds]
    filled = np.ones(theirs.shape, np.bool_)
    shown = np.take_along_axis(hints, items, axis=1)[..., None]
    expected = np.einsum("npi,ni->np", wanted, hints)[..., None]
    modelled = cross_fitted(found.clicks, filled, found.users, shown.astype("f4"), expected.astype("f4"))
    return LoggedTrial(by=by, clicks=found.clicks, ratio=theirs, filled=filled, users=found.users, modelled=modelled)
