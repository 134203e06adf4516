"""The demo's events once more, through `lifelong replay`: whether the live system ranked as a replay says it would."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deploy.settings import Settings
from deploy.wiring import make_system
from schemas.interactions import Interaction
from schemas.items import Item
from streams.backtest.baselines_process import NoFloors
from streams.backtest.config import Log, Plan
from streams.backtest.evaluator import Judged
from streams.backtest.run import replay

REPLAYED = "the same, replayed"


class _Ranks:
    """A `Sink` that keeps each choice's place in its list, by the place of its event."""

    def __init__(self) -> None:
        self.ranks: dict[int, int | None] = {}

    def add(self, judged: Judged) -> None:
        shown = judged.shown
        self.ranks[judged.index] = shown.index(judged.item) + 1 if judged.item in shown else None


def replayed(
    events: Sequence[Interaction], items: Sequence[Item], settings: Settings, report: Callable[[int], None]
) -> dict[str, int | None]:
    """By event id: the rank of its item in the list that a replay makes just before it, none if it was not in it.

    `report` is told now and then how many events are done.
    """
    log = Log(name="the demo's events", rows=len(events), events=list(enumerate(events)), items=items)
    sink = _Ranks()
    replay(
        log, make_system(settings), Plan(warm_up=0.0), sink=sink, floors=NoFloors(), report=lambda at: report(at.done)
    )
    return {events[index].event_id: rank for index, rank in sink.ranks.items()}
