"""Baselines on the demo's events, evaluated in a separate process at low priority, before the events are played."""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from typing import Any

from inference.evaluation.baselines.simple import DecayedPopularity, ItemKnn, SimpleBaseline
from schemas.ids import ItemId, UserId

Row = tuple[str, str, str, float]
"""Event id, user, item, event time."""
Ranks = dict[str, dict[str, int | None]]
"""By event id: the 1-based rank of its item in each baseline's list, none if it was not in it."""
BASELINE_NAMES = ("decayed popularity", "item-kNN")


def evaluate(rows: Sequence[Row], evaluated: frozenset[str], *, repeats: bool) -> Ranks:
    """Return the ranks of the evaluated events, test-then-train over all rows."""
    baselines: dict[str, SimpleBaseline] = dict(zip(BASELINE_NAMES, (DecayedPopularity(), ItemKnn()), strict=True))
    histories: dict[str, list[ItemId]] = {}
    ranks: Ranks = {}
    for event_id, user, item, at in rows:
        history = histories.setdefault(user, [])
        if event_id in evaluated:
            mask: Sequence[ItemId] = () if repeats else history
            ranks[event_id] = {name: _rank(baseline, history, at, mask, item) for name, baseline in baselines.items()}
        for baseline in baselines.values():
            baseline.learn(UserId(user), ItemId(item), at)
        history.append(ItemId(item))
    return ranks


def _rank(
    baseline: SimpleBaseline, history: Sequence[ItemId], at: float, mask: Sequence[ItemId], item: str
) -> int | None:
    top = baseline.top(history, at, 10, mask)
    return top.index(ItemId(item)) + 1 if item in top else None


def _evaluate_at_low_priority(rows: Sequence[Row], evaluated: frozenset[str], repeats: bool) -> Ranks:
    os.nice(10)
    return evaluate(rows, evaluated, repeats=repeats)


class DemoBaselines:
    """Evaluates in the background from the start; `ranks` are complete when it has ended."""

    def __init__(self, rows: Sequence[Row], evaluated: frozenset[str], *, repeats: bool) -> None:
        self._pool = get_context("spawn").Pool(1)
        self._result: AsyncResult[Any] = self._pool.apply_async(_evaluate_at_low_priority, (rows, evaluated, repeats))
        self._ranks: Ranks | None = None

    @property
    def ranks(self) -> Ranks:
        """Return the ranks: empty until the evaluation has ended."""
        if self._ranks is None and self._result.ready():
            self._ranks = self._result.get()
        return self._ranks or {}

    def wait(self, seconds: float) -> Ranks:
        """Return the ranks after waiting at most this long.

        Raises:
            multiprocessing.TimeoutError: the evaluation has not ended by then.
        """
        self._ranks = self._result.get(seconds)
        return self._ranks or {}

    def close(self) -> None:
        """End the process."""
        self._pool.terminate()
        self._pool.join()
