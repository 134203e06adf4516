"""The choices of real people, and for each one what they might have chosen instead, from what was known before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.simulation.catalogue import Doubles, SimulatedCatalogue
from features.user_state import SESSION_GAP
from schemas.ids import ItemId, UserId
from schemas.interactions import ItemEvent

NEAR_IN_POPULARITY = 5
"""A matched item is one of so many that are just less or just more popular than the chosen one."""
RECENT_CHOICES = 5
MATCH, NOVELTY, CONFORMITY = 0, 1, 2
FACTORS = 3


class Pair(Struct, frozen=True):
    """A choice and an item that was not chosen: the factors of both, float64 `[3]` each."""

    user: UserId
    chosen: Doubles
    matched: Doubles
    anything: Doubles


class History:
    """Takes choices one by one, in the order of time. Each is described before it counts (test, then train).

    `pairs` has a choice, an item matched in popularity, and an item drawn from all; neither was chosen before by the
    user. The choices of users without a past say nothing of taste and make none.
    """

    def __init__(self, catalogue: SimulatedCatalogue, rng: np.random.Generator) -> None:
        self._catalogue = catalogue
        self._rng = rng
        self.chosen: dict[UserId, list[int]] = defaultdict(list)
        self._last_at: dict[UserId, float] = {}
        self.sessions: list[int] = []
        self._session_of: dict[UserId, int] = {}
        self.gaps: list[float] = []
        self.popularity: list[float] = []
        self.pairs: list[Pair] = []
        self.choices = self.repeats = 0

    def observe(self, event: ItemEvent) -> None:
        """Take the next choice."""
        number = self._catalogue.number.get(ItemId(event.item_id))
        if number is None:
            return
        user = UserId(event.user_id)
        chosen = self.chosen[user]
        is_repeat = number in chosen
        if chosen and not is_repeat and self._catalogue.count[number]:
            self._pair(user, number, chosen)
        self.popularity.append(rank_share(self._catalogue, number))
        self._visit(user, event.event_time)
        self.choices += 1
        self.repeats += is_repeat
        chosen.append(number)
        self._catalogue.choose([number])

    def _visit(self, user: UserId, at: float) -> None:
        """Count the choice in its session."""
        last = self._last_at.get(user)
        if last is not None and at - last <= SESSION_GAP:
            self.sessions[self._session_of[user]] += 1
        else:
            if last is not None:
                self.gaps.append(at - last)
            self._session_of[user] = len(self.sessions)
            self.sessions.append(1)
        self._last_at[user] = at

    def _pair(self, user: UserId, number: int, chosen: Sequence[int]) -> None:
        known = np.flatnonzero(self._catalogue.count)
        others = known[~np.isin(known, [number, *chosen])]
        if not len(others):
            return
        matched = self._as_popular(number, others)
        anything = int(self._rng.choice(others))
        described = factors(self._catalogue, chosen, np.array([number, matched, anything]))
        self.pairs.append(Pair(user, *described))

    def _as_popular(self, number: int, others: NDArray[np.intp]) -> int:
        """Return an item next to this one in popularity, above or below with the same chance where there are both."""
        count = self._catalogue.count
        ties = self._rng.random(len(others) + 1)
        order = np.argsort(count[others] + ties[1:])
        rank = int(np.searchsorted(count[others][order] + ties[1:][order], count[number] + ties[0]))
        below, above = order[max(0, rank - NEAR_IN_POPULARITY) : rank], order[rank : rank + NEAR_IN_POPULARITY]
        sides = [side for side in (below, above) if len(side)]
        return int(others[self._rng.choice(sides[int(self._rng.integers(len(sides)))])])


def factors(catalogue: SimulatedCatalogue, chosen: Sequence[int], numbers: NDArray[np.int64]) -> Doubles:
    """Return what speaks for items, to somebody who made these choices: float64 `[items, 3]`, match, novelty and
    conformity.
    """
    shares = catalogue.shares[numbers]
    common = catalogue.common_taste
    recent = catalogue.shares[list(chosen[-RECENT_CHOICES:])].mean(axis=0) if len(chosen) else np.zeros(len(common))
    match = shares @ np.log(catalogue.taste_of(chosen) / common)
    described: Doubles = np.stack([match, 1.0 - shares @ recent, np.log1p(catalogue.count[numbers])], axis=1)
    return described


def rank_share(catalogue: SimulatedCatalogue, number: int) -> float:
    """Return the share of the items ever chosen that were chosen more often than this one: 0 for the most popular."""
    known = max(1, int(np.count_nonzero(catalogue.count)))
    return float((catalogue.count > catalogue.count[number]).sum() / known)
