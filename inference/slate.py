"""From scores to a slate: which candidates may fill a slot under the plan's pins and quotas, and the best of them.

The rules say, slot by slot, which rows are open. A list that exploits takes the best open row; one that explores draws
from the open rows (`inference.exploration`). So both obey the same rules, and every draw has a probability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.ids import ItemId
from schemas.plans import Plan

Bools = NDArray[np.bool_]
MembersOf = Callable[[str], Bools]
"""Which of the candidates, best first, are of a category: bool `[rows]`."""
Counts = NDArray[np.int64]


class SlateLimits(Struct, frozen=True):
    """Quotas in terms of rows: a slate holds from `at_least` to `at_most` (`[quotas]`) of the `members` (`[quotas,
    rows]`) of each.
    """

    members: Bools
    at_least: Counts
    at_most: Counts


class SlateRules(Struct, frozen=True, kw_only=True):
    """The rules of a slate over so many rows: `pinned` rows fill the first slots, in their order."""

    rows: int
    size: int
    pinned: tuple[int, ...] = ()
    limits: SlateLimits | None = None

    @property
    def slots(self) -> int:
        """The number of slots to fill, if no row is closed."""
        return min(self.size, self.rows)


def rules_of(
    ranked: Sequence[ItemId], plan: Plan | None, members_of: MembersOf, size: int, leading: Sequence[int] = ()
) -> SlateRules:
    """Return the plan's pins and quotas over these candidates, without pins that are no candidates or exceed a
    quota. `leading` rows follow the pins, under the same rules.
    """
    if plan is None or not (plan.quotas or plan.constraints.pinned_items):
        return SlateRules(rows=len(ranked), size=size, pinned=tuple(dict.fromkeys(leading))[:size])
    limits = None
    if plan.quotas:
        limits = SlateLimits(
            np.array([members_of(quota.category) for quota in plan.quotas], np.bool_),
            np.array([quota.at_least for quota in plan.quotas]),
            np.array([size if quota.at_most is None else quota.at_most for quota in plan.quotas]),
        )
    names = [ItemId(item) for item in dict.fromkeys(plan.constraints.pinned_items)]
    rows = [ranked.index(item) for item in names if item in ranked]
    pinned = _fitting(list(dict.fromkeys((*rows, *leading))), limits, size)
    return SlateRules(rows=len(ranked), size=size, pinned=pinned, limits=limits)


def _fitting(pinned: Sequence[int], limits: SlateLimits | None, size: int) -> tuple[int, ...]:
    """Return the pins that exceed no quota and have a slot."""
    fitting: list[int] = []
    for row in pinned[:size]:
        if limits is None or (limits.members[:, [*fitting, row]].sum(axis=1) <= limits.at_most).all():
            fitting.append(row)
    return tuple(fitting)


def open_rows(rules: SlateRules, placed: Bools, slot: int) -> Bools:
    """Return which rows may fill `slot` (from 0) when `placed` (bool `[.., rows]`) are placed: bool `[.., rows]`.

    An `at_most` is never exceeded. When only as many slots are left as the `at_least`s still require, only rows that
    they require are open; they are met as far as there are rows.

    >>> limits = SlateLimits(np.array([[False, False, True]]), at_least=np.array([1]), at_most=np.array([2]))
    >>> rules = SlateRules(rows=3, size=2, limits=limits)
    >>> open_rows(rules, np.zeros(3, np.bool_), 0).tolist()
    [True, True, True]
    >>> open_rows(rules, np.array([True, False, False]), 1).tolist()
    [False, False, True]
    """
    if slot < len(rules.pinned):
        only = np.zeros_like(placed)
        only[..., rules.pinned[slot]] = True
        return only
    limits = rules.limits
    if limits is None:
        return ~placed
    counts = placed.astype(np.float32) @ limits.members.T
    full = counts >= limits.at_most
    free = ~placed & ~(full @ limits.members)
    if not limits.at_least.any():
        return free
    required = np.minimum(limits.at_least - counts, free.astype(np.float32) @ limits.members.T).clip(0.0)
    needed = required.sum(axis=-1)[..., None]
    unforced = (needed == 0.0) | (needed < rules.size - slot)
    is_open: Bools = free & (unforced | ((required > 0.0) @ limits.members))
    return is_open


def compose(rules: SlateRules) -> list[int]:
    """Return the rows of the slate that exploits: in each slot the first open row (rows are best first).

    >>> compose(SlateRules(rows=3, size=2, pinned=(2,)))
    [2, 0]
    """
    if not rules.pinned and rules.limits is None:
        return list(range(rules.slots))
    chosen = list(rules.pinned)
    quotas = _Quotas(rules.limits, rules.rows)
    for row in chosen:
        quotas.fill_slot(row)
    row = 0
    while len(chosen) < rules.slots:
        next_row: int | None
        if quotas.required >= rules.size - len(chosen):
            next_row = _first_open(rules, chosen)
        else:
            while row < rules.rows and (quotas.closed(row) or row in chosen):
                row += 1  # A closed row stays closed: quotas only fill.
            next_row = row if row < rules.rows else None
        if next_row is None:
            break
        chosen.append(next_row)
        quotas.fill_slot(next_row)
    return chosen


class _Quotas:
    """How full the quotas are. Sets of quotas are bits of an integer, which is faster than arrays for so few slots."""

    def __init__(self, limits: SlateLimits | None, rows: int) -> None:
        self.required = 0
        """How many slots the `at_least`s still require."""
        self._full = 0
        self._quotas_of = [0] * rows
        self._left: list[list[int]] = []
        for quota, members in enumerate(limits.members if limits else ()):
            for row in members.nonzero()[0].tolist():
                self._quotas_of[row] |= 1 << quota
        if limits:
            self._left = [limits.at_least.clip(0).tolist(), limits.at_most.tolist()]
            self.required = sum(self._left[0])
            self._full = sum(1 << quota for quota, left in enumerate(self._left[1]) if left <= 0)

    def closed(self, row: int) -> bool:
        """Return whether the row would exceed a quota."""
        return bool(self._quotas_of[row] & self._full)

    def fill_slot(self, row: int) -> None:
        """Count the row against its quotas: it has got a slot."""
        for quota in range(self._quotas_of[row].bit_length()):
            if self._quotas_of[row] >> quota & 1:
                at_least, at_most = self._left
                self.required -= at_least[quota] > 0
                at_least[quota] -= 1
                at_most[quota] -= 1
                self._full |= (at_most[quota] <= 0) << quota


def _first_open(rules: SlateRules, chosen: Sequence[int]) -> int | None:
    """Return the first of `open_rows`, which weighs all rows and quotas at once: for slots that a quota requires."""
    placed = np.zeros(rules.rows, np.bool_)
    placed[list(chosen)] = True
    free = open_rows(rules, placed, len(chosen))
    row = int(free.argmax())
    return row if free[row] else None
