"""One replay, from the first event to the results."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from deploy.replay.examiner import Judged
from deploy.replay.floors import FloorsBeside, FloorsHere
from deploy.replay.plan import Log, NothingToReplay, Plan
from deploy.replay.world import World
from deploy.settings import Settings
from inference.evaluation.exposure import Shown
from inference.evaluation.floor_judge import FloorResults
from schemas.interactions import Consumption
from schemas.items import Item

SHORT = 2_000
"""Below so many events the floors are worked out in this process."""


class Progress(Struct, frozen=True):
    """How far a replay is: events done, events a second, and the running HR@10 over the judged ones."""

    done: int
    per_second: float
    judged: int
    hit_rate: float


class Timing(Struct, frozen=True, kw_only=True):
    """Seconds. `wall` and `cpu` are of the events' own handling; `defaults` of lists for people never seen.

    `each` float32 `[events]` is the wall time of each event.
    """

    wall: float
    cpu: float
    defaults: float
    each: NDArray[np.float32]


class Played(Struct, frozen=True, kw_only=True):
    """Everything that a replay observed; `rows` is a structured array of `deploy.replay.judged.COLUMNS`."""

    rows: NDArray[np.void]
    floors: FloorResults
    shown: Shown
    topic_shown: Shown
    baskets: dict[int, float]
    named_baskets: int
    inferred_baskets: int
    tally: Counter[tuple[str, str]]
    timing: Timing
    model_version: int


class Sink(Protocol):
    """Takes judged choices one by one."""

    def add(self, judged: Judged) -> None:
        """One more."""
        ...


def replay(
    log: Log,
    settings: Settings,
    plan: Plan,
    *,
    sink: Sink | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Played:
    """Play the whole log; the same log, settings and plan give the same rows and lists.

    Raises:
        NothingToReplay: nobody chose anything.
    """
    if not any(isinstance(event, Consumption) for _, event in log.events):
        raise NothingToReplay(f"{log.name!r} holds no choice of an item by a person")
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))
        floors = FloorsHere() if len(log.events) < SHORT else FloorsBeside()
        stack.callback(floors.close)
        world = World(settings, plan, on_row=floors.add, on_judged=sink.add if sink else _forget)
        timing = _play(log, plan, world, report)
        return _played(world, floors.results(), timing)


def _forget(judged: Judged) -> None:
    """Nobody wants the lists."""


def _play(log: Log, plan: Plan, world: World, report: Callable[[Progress], None]) -> Timing:
    waiting = deque(_by_time(log.items))
    judged_from = int(log.rows * plan.warm_up)
    clocks = np.zeros(3)
    each = np.zeros(len(log.events), np.float32)
    for done, (index, event) in enumerate(log.events):
        _release(waiting, event.event_time, world)
        began = time.perf_counter()
        served = world.look(event.user_id, event.event_time)
        world.examiner.begin(index, served, judges=index >= judged_from)
        looked, cpu_looked = time.perf_counter(), time.process_time()
        world.play(event)
        ended, cpu_ended = time.perf_counter(), time.process_time()
        each[done] = ended - looked
        clocks += (ended - looked, cpu_ended - cpu_looked, looked - began)
        if not done % 100:
            report(_progress(done, clocks[0], world))
    report(_progress(len(log.events), clocks[0], world))
    wall, cpu, defaults = clocks.tolist()
    return Timing(wall=wall, cpu=cpu, defaults=defaults, each=each)


def _by_time(items: Sequence[Item]) -> Iterator[Item]:
    """Items in the order of when they become available; those that do not say so come first."""
    yield from sorted(items, key=lambda item: item.available_from or 0.0)


def _release(waiting: deque[Item], now: float, world: World) -> None:
    """Tell the system of items when they become available and not before: nobody could know of them."""
    found = []
    while waiting and (waiting[0].available_from or 0.0) <= now:
        found.append(waiting.popleft())
    if found:
        world.put_items(found)


def _progress(done: int, seconds: float, world: World) -> Progress:
    rows = world.examiner.rows
    return Progress(done, done / max(seconds, 1e-9), len(rows), world.examiner.hits / max(1, len(rows)))


def _played(world: World, floors: FloorResults, timing: Timing) -> Played:
    examiner = world.examiner
    return Played(
        rows=examiner.rows.array(),
        floors=floors,
        shown=examiner.exposure.shown(),
        topic_shown=examiner.topic_exposure.shown(),
        baskets=examiner.recall.values(),
        named_baskets=examiner.baskets.named,
        inferred_baskets=examiner.baskets.inferred,
        tally=examiner.tally,
        timing=timing,
        model_version=world.trainer.version,
    )
