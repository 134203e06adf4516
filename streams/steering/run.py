"""The run of the steerings: the log up to a moment once, then each statement from there in a process of its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from msgspec import Struct
from threadpoolctl import threadpool_limits

from schemas.errors import LifelongError
from schemas.ids import EventId, UserId
from schemas.instructions import Say
from schemas.interactions import Interaction
from schemas.items import Item
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig
from streams.backtest.evaluator import EvaluatedList
from streams.backtest.pipeline import BacktestPipeline
from streams.backtest.process_pool import PoolProgress, ReportProgress, in_processes
from streams.backtest.run import by_time, release
from streams.steering.measures import Steered, SteeringMeter
from streams.worker.gc_tuning import tuned_gc

UNSTEERED = "nothing said"
BEFORE_SAID = "the log before it is said"
REPORT_EVERY_EVENTS = 50


class NothingSaid(LifelongError):
    """The log leaves nobody to say anything: it is too short, or no list has an item with a category."""


class Steering(Struct, frozen=True, kw_only=True):
    """One thing that users say about the category that their list has most of.

    `text` has the category's name filled in. `most` is the share of it that is allowed in the 20 lists that follow,
    relative to the share where nothing is said, and `exactly` what every list holds of it; none if it is not bounded.
    """

    name: str
    text: str
    most: float | None = None
    exactly: float | None = None


STEERINGS = (
    Steering(name="no …", text='no "{name}"', exactly=0.0),
    Steering(name="only …", text='only "{name}"', exactly=1.0),
    Steering(name="less …", text='less "{name}"', most=1 / 3),
    Steering(name="more …", text='more "{name}"'),
)


class SteeringPlan(Struct, frozen=True, kw_only=True):
    """When users begin to say something, after this share of the log's events; each says it at their next event."""

    begin: float = 0.5
    seed: int = 0
    resamples: int = 1_000


class SteeringRun(Struct, frozen=True, kw_only=True):
    """What was measured of each statement, and of the same users and lists where nothing is said."""

    topics: dict[UserId, str]
    control: Steered
    steerings: dict[str, Steered]


def run_steerings(
    log: EventLog,
    system: SystemConfig,
    plan: SteeringPlan,
    steerings: Sequence[Steering] = STEERINGS,
    *,
    jobs: int,
    tell: ReportProgress = lambda step: None,
) -> SteeringRun:
    """Run every statement on the same log; the same log, system and plan give the same lists.

    Raises:
        NothingSaid: there are no events before or after the moment, or nobody has a list with categories.
        WorkDied: a process ended early.
    """
    first = int(len(log.events) * plan.begin)
    if not 0 < first < len(log.events):
        raise NothingSaid(f"{log.name!r} has {len(log.events)} events: none before or none after anything is said")
    by_name = {steering.name: steering for steering in steerings}
    with threadpool_limits(1), tuned_gc():
        replay = _Replay(log, system, plan, first)
        replay.learn(tell)
        measured = in_processes(
            (UNSTEERED, *by_name), lambda name, report: replay.steer(name, by_name.get(name), report),
            jobs=jobs, tell=tell, start="fork",
        )  # fmt: skip
    control = measured.pop(UNSTEERED)
    return SteeringRun(topics=replay.topics, control=control, steerings=measured)


class _Replay:
    """A log in the pipeline of the backtest: learned from up to the moment, then steered and measured."""

    def __init__(self, log: EventLog, system: SystemConfig, plan: SteeringPlan, first: int) -> None:
        self._before, self._after = log.events[:first], log.events[first:]
        self._waiting: deque[Item] = deque(by_time(log.items))
        self._pipeline = BacktestPipeline(
            system, BacktestConfig(seed=plan.seed), on_row=lambda row: None, on_evaluated=self._evaluated
        )
        self._meter: SteeringMeter | None = None
        self._said: set[UserId] = set()
        self.topics: dict[UserId, str] = {}

    def learn(self, tell: ReportProgress) -> None:
        """Play the log up to the moment, and choose what each user will speak of.

        Raises:
            NothingSaid: nobody has a list with categories.
        """
        for done, (index, event) in enumerate(self._before):
            self._play(index, event, evaluates=False)
            if not done % REPORT_EVERY_EVENTS:
                tell(PoolProgress(BEFORE_SAID, done, len(self._before)))
        for user in dict.fromkeys(event.user_id for _, event in self._after):
            if (name := self._most_shown(user)) is not None:
                self.topics[user] = name
        if not self.topics:
            raise NothingSaid("nobody who goes on has a list of items with categories")
        self._meter = SteeringMeter(self.topics, self._pipeline.table.categories)

    def steer(self, name: str, steering: Steering | None, tell: ReportProgress) -> Steered:
        """Play the rest of the log; each user says it, if there is something to say, after their first event."""
        assert self._meter is not None
        for done, (index, event) in enumerate(self._after):
            self._play(index, event, evaluates=True)
            user = event.user_id
            if user in self.topics and user not in self._said:
                self._said.add(user)
                if steering is not None:
                    self._say(user, steering, event.event_time)
            if user in self._said:
                self._meter.made(user, self._pipeline.served.newest(user))
            if not done % REPORT_EVERY_EVENTS:
                tell(PoolProgress(name, done, len(self._after)))
        tell(PoolProgress(name, len(self._after), len(self._after)))
        return self._meter.steered()

    def _play(self, index: int, event: Interaction, *, evaluates: bool) -> None:
        pipeline = self._pipeline
        release(self._waiting, event.event_time, pipeline)
        served = pipeline.look(event.user_id, event.event_time, event.context.locale)
        pipeline.evaluator.begin(index, served, evaluates=evaluates)
        pipeline.play(event)

    def _say(self, user: UserId, steering: Steering, at: float) -> None:
        text = steering.text.format(name=self.topics[user])
        self._pipeline.say(Say(event_id=EventId(f"say/{user}"), user_id=user, event_time=at, text=text))

    def _most_shown(self, user: UserId) -> str | None:
        """Return the category that most items of the user's newest list have, the first by name of several."""
        items = self._pipeline.served.newest(user)
        counts = Counter(name for item in items for name in self._pipeline.table.categories(item) if '"' not in name)
        return min(counts, key=lambda name: (-counts[name], name), default=None)

    def _evaluated(self, row: EvaluatedList) -> None:
        if self._meter is not None and row.user in self.topics:
            self._meter.evaluated(row)
