"""The windows after re-plannings, by what made production re-plan, and the controls that drifts are matched with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.plans import TriggerName

WINDOW = 20
"""How many choices of the user after a re-planning count for it."""
DRIFTS: tuple[TriggerName, ...] = ("taste-drift", "contradiction")
"""The triggers that say that what a user likes has changed; each is computed from the past alone."""

Bools = NDArray[np.bool_]


class Replanning(Struct, frozen=True):
    """A re-planning of production: at which event of the log, of which user (a code), why, when (event time), and how
    many choices the user had made by then.
    """

    index: int
    user: int
    trigger: TriggerName
    at: float
    choices: int


def in_windows(replannings: Sequence[Replanning], index: NDArray[np.int64], users: NDArray[np.int32]) -> Bools:
    """Return which choices are among the next `WINDOW` of their user after one of these re-plannings: bool `[choices]`.

    `index` and `users`, `[choices]`, are the events of the log and the users; `index` rises.

    >>> moment = Replanning(3, 0, "taste-drift", 0.0, 5)
    >>> in_windows([moment], np.array([2, 3, 4, 5]), np.array([0, 0, 1, 0], np.int32)).tolist()
    [False, False, False, True]
    """
    within = np.zeros(len(index), np.bool_)
    order = np.argsort(users, kind="stable")
    sorted_users = users[order]
    for replanning in replannings:
        first, last = np.searchsorted(sorted_users, [replanning.user, replanning.user + 1])
        own = order[first:last]
        start = int(np.searchsorted(index[own], replanning.index, side="right"))
        within[own[start : start + WINDOW]] = True
    return within


def matched_controls(drifts: Sequence[Replanning], all_of_them: Sequence[Replanning]) -> list[Replanning]:
    """Return for each drift the re-planning of another user, for another reason, that is nearest in time among those
    with as many choices before it (by powers of two); each is taken once, and none within a window after a drift.

    Everything that is compared was known when production re-planned.
    """
    pools: dict[int, list[Replanning]] = {}
    for one in _calm(all_of_them):
        pools.setdefault(one.choices.bit_length(), []).append(one)
    controls = []
    for drift in sorted(drifts, key=lambda drift: drift.at):
        pool = [one for one in pools.get(drift.choices.bit_length(), []) if one.user != drift.user]
        if pool:
            nearest = min(pool, key=lambda one: abs(one.at - drift.at))
            pools[drift.choices.bit_length()].remove(nearest)
            controls.append(nearest)
    return controls


def _calm(replannings: Sequence[Replanning]) -> list[Replanning]:
    """Return the re-plannings for other reasons than a drift, of users without one in their last `WINDOW` choices."""
    drifted_at: dict[int, int] = {}
    calm = []
    for one in replannings:
        if one.trigger in DRIFTS:
            drifted_at[one.user] = one.choices
        elif one.choices - drifted_at.get(one.user, -WINDOW) >= WINDOW:
            calm.append(one)
    return calm
