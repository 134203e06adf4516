"""A generated log for backtests: users of several tastes, new items over time, equal times, skips and repeats."""

from __future__ import annotations

import random
from typing import Any

from deploy.settings import Settings
from deploy.wiring import make_system_config
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Interaction, Rating, Skip
from schemas.items import Item
from streams.backtest.config import BacktestConfig, EventLog
from streams.backtest.evaluator import EvaluatedList
from streams.backtest.run import BacktestRun, backtest
from tests.builders import START

TASTES = ("war", "comedy", "drama")
HOUR = 3_600.0


class Lists:
    """A `Sink` that keeps every evaluated list by the index of its event."""

    def __init__(self) -> None:
        self.by_index: dict[int, tuple[ItemId, ...]] = {}

    def add(self, evaluated: EvaluatedList) -> None:
        self.by_index[evaluated.index] = evaluated.shown

    def upto(self, index: int) -> dict[int, tuple[ItemId, ...]]:
        return {at: items for at, items in self.by_index.items() if at < index}


def event(number: int, user: str, item: str, at: float, *, skipped: bool = False) -> Interaction:
    common: dict[str, Any] = {"event_id": EventId(f"e{number}"), "user_id": UserId(user), "event_time": at}
    if skipped:
        return Skip(item_id=ItemId(item), **common)
    return Rating(item_id=ItemId(item), value=float(1 + number % 5), **common)


def generated(size: int = 400, seed: int = 5) -> EventLog:
    """Return events with a new item of each taste every 100; every tenth is a skip, every eighth repeats a time."""
    rng = random.Random(seed)
    events: list[tuple[int, Interaction]] = []
    at = START
    for number in range(size):
        at += 0.0 if number % 8 == 7 else rng.expovariate(1.0 / HOUR)
        user = rng.randrange(30)
        out = 6 + number // 100
        name = f"{TASTES[user % 3]}-{max(0, out - 1 - int(rng.expovariate(0.3)))}"
        events.append((number, event(number, f"u{user}", name, at, skipped=number % 10 == 9)))
    return EventLog(name="generated", rows=size, events=events, items=catalogue(events))


def catalogue(events: list[tuple[int, Interaction]]) -> list[Item]:
    """Return the items of the events, some without events, and many that become available after the last event."""
    names = sorted({e.item_id for _, e in events if isinstance(e, Rating | Skip)})
    items = [Item(item_id=name, title=name.title(), categories=(name.split("-")[0],)) for name in names]
    late = events[-1][1].event_time + HOUR
    future = [Item(item_id=ItemId(f"a-future-{n}"), title="War", available_from=late + n) for n in range(600)]
    unmet = [Item(item_id=ItemId(f"b-{n}"), title="Puppets", available_from=START + 9 * n * HOUR) for n in range(30)]
    return [*future, *unmet, *items]


def played(
    log: EventLog, plan: BacktestConfig | None = None, settings: Settings | None = None
) -> tuple[Lists, BacktestRun]:
    lists = Lists()
    run = backtest(log, make_system_config(settings or Settings()), plan or BacktestConfig(warm_up=0.0), sink=lists)
    return lists, run
