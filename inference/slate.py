"""From scores to a slate: which candidates may take a place under the plan's pins and quotas, and the best of them.

The rules say, place by place, what is open. A list that exploits takes the best of what is open; one that explores
draws from it (`inference.exploration`). So both obey the same rules, and what is drawn has a probability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.ids import ItemId
from schemas.plans import Plan

Bools = NDArray[np.bool_]
Holds = Callable[[str], Bools]
"""Which of the candidates, best first, are of a category: bool `[rows]`."""
Counts = NDArray[np.int64]


class SlateLimits(Struct, frozen=True):
    """Quotas in terms of rows: a slate holds from `at_least` to `at_most` (`[quotas]`) of the `members`
    (`[quotas, rows]`) of each.
    """

    members: Bools
    at_least: Counts
    at_most: Counts


class SlateRules(Struct, frozen=True, kw_only=True):
    """What a slate over so many rows must obey: `pinned` rows take the first places, in their order."""

    rows: int
    size: int
    pinned: tuple[int, ...] = ()
    limits: SlateLimits | None = None

    @property
    def places(self) -> int:
        """How many places there are to fill, if nothing is forbidden."""
        return min(self.size, self.rows)


def rules_of(ranked: Sequence[ItemId], plan: Plan | None, holds: Holds, size: int) -> SlateRules:
    """The plan's pins and quotas over these candidates; a pin that is none of them, or over a quota, is no pin."""
    if plan is None or not (plan.quotas or plan.constraints.pinned_items):
        return SlateRules(rows=len(ranked), size=size)
    limits = None
    if plan.quotas:
        limits = SlateLimits(
            np.array([holds(quota.category) for quota in plan.quotas], np.bool_),
            np.array([quota.at_least for quota in plan.quotas]),
            np.array([size if quota.at_most is None else quota.at_most for quota in plan.quotas]),
        )
    names = [ItemId(item) for item in dict.fromkeys(plan.constraints.pinned_items)]
    rows = [ranked.index(item) for item in names if item in ranked]
    return SlateRules(rows=len(ranked), size=size, pinned=_fitting(rows, limits, size), limits=limits)


def _fitting(pinned: Sequence[int], limits: SlateLimits | None, size: int) -> tuple[int, ...]:
    """The pins that exceed no quota and have a place."""
    kept: list[int] = []
    for row in pinned[:size]:
        if limits is None or (limits.members[:, [*kept, row]].sum(axis=1) <= limits.at_most).all():
            kept.append(row)
    return tuple(kept)


def open_rows(rules: SlateRules, placed: Bools, place: int) -> Bools:
    """What may take `place` (from 0) when `placed` (bool `[.., rows]`) is placed: bool `[.., rows]`.

    An `at_most` is never exceeded. When as many places are left as the `at_least`s still want, only what they want is
    open; they are met as far as there are rows.

    >>> limits = SlateLimits(np.array([[False, False, True]]), at_least=np.array([1]), at_most=np.array([2]))
    >>> rules = SlateRules(rows=3, size=2, limits=limits)
    >>> open_rows(rules, np.zeros(3, np.bool_), 0).tolist()
    [True, True, True]
    >>> open_rows(rules, np.array([True, False, False]), 1).tolist()
    [False, False, True]
    """
    if place < len(rules.pinned):
        only = np.zeros_like(placed)
        only[..., rules.pinned[place]] = True
        return only
    limits = rules.limits
    if limits is None:
        return ~placed
    held = placed.astype(np.float32) @ limits.members.T
    full = held >= limits.at_most
    free = ~placed & ~(full @ limits.members)
    if not limits.at_least.any():
        return free
    owed = np.minimum(limits.at_least - held, free.astype(np.float32) @ limits.members.T).clip(0.0)
    needed = owed.sum(axis=-1)[..., None]
    unforced = (needed == 0.0) | (needed < rules.size - place)
    wanted: Bools = free & (unforced | ((owed > 0.0) @ limits.members))
    return wanted


def compose(rules: SlateRules) -> list[int]:
    """The rows of the slate that exploits: at each place the first row that is open (rows are best first).

    >>> compose(SlateRules(rows=3, size=2, pinned=(2,)))
    [2, 0]
    """
    if not rules.pinned and rules.limits is None:
        return list(range(rules.places))
    chosen = list(rules.pinned)
    quotas = _Quotas(rules.limits, rules.rows)
    for row in chosen:
        quotas.take(row)
    row = 0
    while len(chosen) < rules.places:
        found: int | None
        if quotas.owed >= rules.size - len(chosen):
            found = _first_open(rules, chosen)
        else:
            while row < rules.rows and (quotas.closed(row) or row in chosen):
                row += 1  # What is closed stays so: quotas only fill.
            found = row if row < rules.rows else None
        if found is None:
            break
        chosen.append(found)
        quotas.take(found)
    return chosen


class _Quotas:
    """How full the quotas are. Sets of them are bits of a number: so few places are filled faster without arrays."""

    def __init__(self, limits: SlateLimits | None, rows: int) -> None:
        self.owed = 0
        """How many places the `at_least`s still want."""
        self._full = 0
        self._of = [0] * rows
        self._left: list[list[int]] = []
        for place, members in enumerate(limits.members if limits else ()):
            for row in members.nonzero()[0].tolist():
                self._of[row] |= 1 << place
        if limits:
            self._left = [limits.at_least.clip(0).tolist(), limits.at_most.tolist()]
            self.owed = sum(self._left[0])
            self._full = sum(1 << place for place, left in enumerate(self._left[1]) if left <= 0)

    def closed(self, row: int) -> bool:
        """Whether the row is over a quota."""
        return bool(self._of[row] & self._full)

    def take(self, row: int) -> None:
        """The row has a place."""
        for place in range(self._of[row].bit_length()):
            if self._of[row] >> place & 1:
                at_least, at_most = self._left
                self.owed -= at_least[place] > 0
                at_least[place] -= 1
                at_most[place] -= 1
                self._full |= (at_most[place] <= 0) << place


def _first_open(rules: SlateRules, chosen: Sequence[int]) -> int | None:
    """The first of `open_rows`, which looks at all rows and all quotas at once: for places that a quota must get."""
    placed = np.zeros(rules.rows, np.bool_)
    placed[list(chosen)] = True
    free = open_rows(rules, placed, len(chosen))
    row = int(free.argmax())
    return row if free[row] else None
