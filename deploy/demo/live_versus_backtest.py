"""The demo's events once more, through `lifelong replay`: whether the live system ranked as a replay says it would."""

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
    """A `Sink` that keeps each choice's place in its list, by the place of its event."""

    def __init__(self) -> None:
        self.ranks: dict[int, int | None] = {}

    def add(self, evaluated: EvaluatedList) -> None:
        shown = evaluated.shown
        self.ranks[evaluated.index] = shown.index(evaluated.item) + 1 if evaluated.item in shown else None


def backtest_ranks(
    events: Sequence[Interaction], items: Sequence[Item], settings: Settings, report: Callable[[int], None]
) -> dict[str, int | None]:
    """By event id: the rank of its item in the list that a replay makes just before it, none if it was not in it.

    `report` is told now and then how many events are done.
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
