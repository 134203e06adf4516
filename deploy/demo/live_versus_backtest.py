"""Live versus backtest: the demo's events through `lifelong backtest`, to compare its ranks with the live ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deploy.settings import Settings
from deploy.wiring import make_system_config
from schemas.interactions import Interaction
from schemas.items import Item
from streams.backtest.baselines_process import NoBaselines
from streams.backtest.config import BacktestConfig, EventLog
from streams.backtest.evaluator import EvaluatedList
from streams.backtest.run import backtest

REPLAYED = "the same, replayed"


class _Ranks:
    """A `Sink` that keeps each choice's rank in its list, by the index of its event."""

    def __init__(self) -> None:
        self.ranks: dict[int, int | None] = {}

    def add(self, evaluated: EvaluatedList) -> None:
        shown = evaluated.shown
        self.ranks[evaluated.index] = shown.index(evaluated.item) + 1 if evaluated.item in shown else None


def backtest_ranks(
    events: Sequence[Interaction], items: Sequence[Item], settings: Settings, report: Callable[[int], None]
) -> dict[str, int | None]:
    """Return, by event id, the item's rank in the list that a backtest makes just before it; none if it is not in it.

    `report` is called now and then with the number of events done.
    """
    log = EventLog(name="the demo's events", rows=len(events), events=list(enumerate(events)), items=items)
    sink = _Ranks()
    backtest(
        log,
        make_system_config(settings),
        BacktestConfig(warm_up=0.0),
        sink=sink,
        baselines=NoBaselines(),
        report=lambda at: report(at.done),
    )
    return {events[index].event_id: rank for index, rank in sink.ranks.items()}
