"""The run of the attacks: the honest log up to the attack once, then each attack from there in a process of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import merge

from msgspec import Struct
from threadpoolctl import threadpool_limits

from features.decay import DAY
from schemas.errors import LifelongError
from schemas.interactions import Interaction
from schemas.items import Item
from streams.attacks.crowds import Attack, FakeEvent, fake_events
from streams.attacks.exposure import Exposed, ExposureMeter
from streams.attacks.scene import Scene, scene_of
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig
from streams.backtest.pipeline import BacktestPipeline
from streams.backtest.process_pool import PoolProgress, ReportProgress, in_processes
from streams.backtest.run import by_time, release
from streams.worker.gc_tuning import tuned_gc

UNATTACKED = "no attack"
LEARNING = "the log before the attack"
REPORT_EVERY_EVENTS = 50
Play = tuple[float, int, Interaction]
"""When an event is produced, its index in the log (-1: a fake's), and the event."""


class NothingAfter(LifelongError):
    """The log ends before the attack, or begins with it."""


class AttackPlan(Struct, frozen=True, kw_only=True):
    """When the attacks begin, after this share of the log's events, and for how many `days` exposure is measured."""

    begin: float = 0.9
    days: int = 7
    seed: int = 0
    resamples: int = 1_000


class AttackRun(Struct, frozen=True, kw_only=True):
    """What was measured of each attack, and of the same days without any; the scene says which items were pushed."""

    scene: Scene
    control: Exposed
    attacks: dict[str, Exposed]


def run_attacks(
    log: EventLog,
    system: SystemConfig,
    plan: AttackPlan,
    attacks: Sequence[Attack],
    *,
    jobs: int,
    tell: ReportProgress = lambda step: None,
) -> AttackRun:
    """Run every attack on the same log; the same log, system and plan give the same lists.

    Raises:
        NothingAfter: there are no events before or after the beginning of the attack.
        WorkDied: a process ended early.
    """
    first = int(len(log.events) * plan.begin)
    if not 0 < first < len(log.events):
        raise NothingAfter(f"{log.name!r} has {len(log.events)} events: none before or none after the attack")
    by_name = {attack.name: attack for attack in attacks}
    with threadpool_limits(1), tuned_gc():
        replay = _Replay(log, system, plan, first)
        replay.learn(tell)
        measured = in_processes(
            (UNATTACKED, *by_name), lambda name, report: replay.attack(name, by_name.get(name), report),
            jobs=jobs, tell=tell, start="fork",
        )  # fmt: skip
    control = measured.pop(UNATTACKED)
    return AttackRun(scene=replay.scene, control=control, attacks=measured)


class _Replay:
    """A log in the pipeline of the backtest: learned from up to the attack, then measured."""

    def __init__(self, log: EventLog, system: SystemConfig, plan: AttackPlan, first: int) -> None:
        self._plan = plan
        self._before, after = log.events[:first], log.events[first:]
        at = after[0][1].event_time
        self._after = [(index, event) for index, event in after if event.event_time < at + plan.days * DAY]
        self.scene = scene_of([event for _, event in self._before], log.items, at, seed=plan.seed)
        self._waiting: deque[Item] = deque(by_time(log.items))
        self._meter = ExposureMeter()
        self._pipeline = BacktestPipeline(
            system, BacktestConfig(seed=plan.seed), on_row=self._meter.choice, on_evaluated=self._meter.shown
        )

    def learn(self, tell: ReportProgress) -> None:
        """Play the log up to the attack, and aim at the targets."""
        self._play(_honest(self._before), len(self._before), LEARNING, tell, evaluates=False)
        self._meter.aim(tuple(self.scene.targets.values()))

    def attack(self, name: str, attack: Attack | None, tell: ReportProgress) -> Exposed:
        """Play the days after, with the crowd of the attack if there is one, and return what was measured."""
        fakes = fake_events(attack, self.scene, seed=self._plan.seed) if attack else []
        events = merge(_honest(self._after), _fake(fakes), key=lambda play: play[0])
        self._play(events, len(self._after) + len(fakes), name, tell, evaluates=True)
        return self._meter.exposed()

    def _play(self, events: Iterator[Play], size: int, name: str, tell: ReportProgress, *, evaluates: bool) -> None:
        pipeline = self._pipeline
        for done, (at, index, event) in enumerate(events):
            release(self._waiting, at, pipeline)
            is_honest = index >= 0
            served = pipeline.look(event.user_id, at, event.context.locale)
            self._meter.strangers = pipeline.served.default(at).items
            pipeline.evaluator.begin(index, served, evaluates=evaluates and is_honest)
            pipeline.play(event, produced=at)
            if not done % REPORT_EVERY_EVENTS:
                tell(PoolProgress(name, done, size))
        tell(PoolProgress(name, size, size))


def _honest(events: Sequence[tuple[int, Interaction]]) -> Iterator[Play]:
    return ((event.event_time, index, event) for index, event in events)


def _fake(fakes: Sequence[FakeEvent]) -> Iterator[Play]:
    return ((fake.produced, -1, fake.event) for fake in fakes)
