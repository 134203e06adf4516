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

ITEMS, POSITION_COUNT, KINDS = 5, 3, 4
RULES = SlateRules(rows=ITEMS, size=POSITION_COUNT)
SLATES = np.array(list(permutations(range(ITEMS), POSITION_COUNT)))
POSITIONS = np.arange(POSITION_COUNT)
LEFT = np.array([0.5, 0.3, 0.2])
"""The share of an item's appeal at each position."""
_draws = np.random.default_rng(11)
APPEAL = _draws.uniform(size=(KINDS, ITEMS))
SCORES = _draws.normal(size=(KINDS, ITEMS))
"""There are several kinds of users: what appeals to them `[kinds, items]`, and the scores of the ranker."""


def policy(name: str, kind: int) -> LoggedPolicy:
    return {
        "logged": LoggedPolicy(SCORES[kind], 1.5),
        "bolder": LoggedPolicy(SCORES[kind], 0.7),
        "uniform": LoggedPolicy(np.zeros(ITEMS), 1.0),
        "best": LoggedPolicy(SCORES[kind]),
    }[name]


@cache
def shares(name: str) -> np.ndarray:
    """Return the probability of each item at each position, given those above: `[kinds, slates, positions, items]`."""
    each = [[along(policy(name, kind), RULES, rows.tolist()) for rows in SLATES] for kind in range(KINDS)]
    return np.array(each)


@cache
def chances(name: str) -> np.ndarray:
    """Return the probability of the shown items: `[kinds, slates, positions]`."""
    return np.take_along_axis(shares(name), SLATES[None, :, :, None], axis=3)[..., 0]


@cache
def marginals(name: str) -> np.ndarray:
    """Return the probability of each item at each position, whatever is above: `[kinds, positions, items]`."""
    probabilities = np.zeros((KINDS, POSITION_COUNT, ITEMS))
    for kind in range(KINDS):
        for rows, chance in zip(SLATES, chances(name)[kind].prod(axis=1), strict=True):
            probabilities[kind, POSITIONS, rows] += chance
    return probabilities


@cache
def clicked(by: By) -> np.ndarray:
    """Return the probability of a click, `[kinds, slates, positions]`; it depends on what `by` says."""
    appeal = APPEAL[:, SLATES]
    own = appeal * LEFT
    if by == "item":
        return own
    if by == "cascade":
        return own * (1.0 - 0.3 * (appeal.cumsum(axis=2) - appeal))
    return own * (1.0 - 0.2 * (appeal.sum(axis=2, keepdims=True) - appeal))


def truth(target: str, by: By) -> float:
    """Return clicks per list, by enumerating all slates; for `place` one position at a time."""
    slates = chances("logged" if by == "place" else target).prod(axis=2)[..., None]
    each = chances(target) / chances("logged") if by == "place" else 1.0
    return float((slates * each * clicked(by)).sum() / KINDS)


class Log(Struct, frozen=True):
    """Lists of the logging policy: who saw them, of which kind they are, which slate, and the clicks."""

    users: np.ndarray
    kinds: np.ndarray
    slates: np.ndarray
    clicks: np.ndarray


def log(seed: int, by: By, *, user_count: int = 120, most: int = 12) -> Log:
    """Draw lists of users who come more or less often, and click more or less."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(user_count), rng.integers(1, most, user_count))
    kinds = rng.integers(KINDS, size=len(users))
    upto = chances("logged").prod(axis=2).cumsum(axis=1)
    slates = (rng.random((len(users), 1)) < upto[kinds]).argmax(axis=1)
    keen = rng.choice([0.4, 1.6], user_count)[users, None]
    clicks = rng.random((len(users), POSITION_COUNT)) < keen * clicked(by)[kinds, slates]
    return Log(users, kinds, slates, clicks.astype(float))


def trial(logged: Log, target: str, by: By) -> LoggedTrial:
    """Return the target's trial on this log, with a model of slightly wrong appeal."""
    items = SLATES[logged.slates]
    if by == "item":
        ratios = (marginals(target) / marginals("logged"))[logged.kinds[:, None], POSITIONS, items]
        wanted = marginals(target)[logged.kinds]
    else:
        ratios = (chances(target) / chances("logged"))[logged.kinds, logged.slates]
        wanted = shares(target)[logged.kinds, logged.slates]
    hints = APPEAL.round(1)[logged.kinds]
    filled = np.ones(ratios.shape, np.bool_)
    shown = np.take_along_axis(hints, items, axis=1)[..., None]
    expected = np.einsum("npi,ni->np", wanted, hints)[..., None]
    modelled = cross_fitted(logged.clicks, filled, logged.users, shown.astype("f4"), expected.astype("f4"))
    return LoggedTrial(by=by, clicks=logged.clicks, ratio=ratios, filled=filled, users=logged.users, modelled=modelled)
