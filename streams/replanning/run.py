"""The run of the comparison: one replay in which production plans, learns, and is ranked beside the arms; and one in
which nothing ever plans.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from functools import partial

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inference.query import Ranking
from schemas.ids import ItemId, UserId
from schemas.interactions import Interaction
from schemas.items import Item
from schemas.plans import PlanEntry, TriggerName
from streams.backtest.baselines_process import NoBaselines
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig
from streams.backtest.evaluated_rows import Codes
from streams.backtest.pipeline import BacktestPipeline
from streams.backtest.process_pool import PoolProgress, ReportProgress, in_processes
from streams.backtest.run import BacktestProgress, backtest, by_time, release
from streams.outcomes.batch_outcome import BatchOutcome
from streams.outcomes.record_outcome import PrequentialQuery
from streams.replanning.arms import ARMS, Arm, ArmPlans
from streams.replanning.cost import planning_milliseconds
from streams.replanning.windows import Replanning
from streams.state.user_record import UserRecord
from streams.worker.gc_tuning import tuned_gc

WITH_PLANS, WITHOUT_PLANS = "ranked by every plan", "nothing plans"
REPORT_EVERY_EVENTS = 50


class Compared(Struct, frozen=True, kw_only=True):
    """The evaluated choices, in the order of the log: `index` int64, `user` int32 (a code), `planned` int16 (the rank
    in production's list from 1, 0 for none), each `[choices]`; and by arm the `ranks` int16 and whether the list
    `differs` from production's, bool, `[choices]`.

    `milliseconds` is the processor time of planning per event, and `random_plans` how often `random` re-planned.
    """

    index: NDArray[np.int64]
    user: NDArray[np.int32]
    planned: NDArray[np.int16]
    ranks: dict[Arm, NDArray[np.int16]]
    differs: dict[Arm, NDArray[np.bool_]]
    replannings: tuple[Replanning, ...]
    random_plans: int
    milliseconds: float


class ReplanningRun(Struct, frozen=True):
    """The comparison on the same weights, and the ranks where nothing plans and the ranker learns without plans: int16
    `[choices]`.
    """

    compared: Compared
    without_plans: NDArray[np.int16]


class _Replayed(Struct, frozen=True):
    """One of the two replays: the ranks in its lists, and the comparison if it made one."""

    ranks: NDArray[np.int16]
    compared: Compared | None = None


def compare_plans(
    log: EventLog, system: SystemConfig, plan: BacktestConfig, *, jobs: int, tell: ReportProgress = lambda step: None
) -> ReplanningRun:
    """Run both replays; the same log, system and plan give the same ranks.

    Raises:
        NothingToEvaluate: the log holds no choice.
        WorkDied: a process ended early.
    """
    results = in_processes(
        (WITH_PLANS, WITHOUT_PLANS), partial(_replayed, log, system, plan), jobs=jobs, tell=tell, start="fork"
    )
    compared = results[WITH_PLANS].compared
    assert compared is not None
    return ReplanningRun(compared, results[WITHOUT_PLANS].ranks)


def _replayed(log: EventLog, system: SystemConfig, plan: BacktestConfig, name: str, tell: ReportProgress) -> _Replayed:
    if name == WITH_PLANS:
        with threadpool_limits(1), tuned_gc():
            compared = ArmsReplay(log, system, plan).play(tell)
            return _Replayed(compared.planned, compared)

    def report(progress: BacktestProgress) -> None:
        tell(PoolProgress(name, progress.done, len(log.events), f"HR@10 {progress.hit_rate:.4f}"))

    idle = dataclasses.replace(system, options=dataclasses.replace(system.options, triggers=()))
    run = backtest(log, idle, plan, baselines=NoBaselines(), report=report)
    return _Replayed(run.rows["rank"].copy())


class ArmsReplay:
    """A log in the pipeline of the backtest. After each batch, and before anything is learned from it, the choice is
    ranked once more for every arm whose plan differs from production's.
    """

    def __init__(self, log: EventLog, system: SystemConfig, plan: BacktestConfig) -> None:
        self._log = log
        self._evaluated_from = int(log.rows * plan.warm_up)
        self._waiting: deque[Item] = deque(by_time(log.items))
        self._pipeline = BacktestPipeline(
            system, plan, on_row=lambda row: None, on_evaluated=lambda row: None, on_batch=self._observe
        )
        self._arms = ArmPlans(plan.seed)
        self._users = Codes[UserId]()
        self._index, self._event = 0, log.events[0][1]
        self._rows: list[tuple[int, int, int, tuple[int, ...], tuple[bool, ...]]] = []
        self._replannings: list[Replanning] = []

    def play(self, tell: ReportProgress) -> Compared:
        """Play the whole log and return what was compared."""
        pipeline, size = self._pipeline, len(self._log.events)
        for done, (index, event) in enumerate(self._log.events):
            self._index, self._event = index, event
            release(self._waiting, event.event_time, pipeline)
            served = pipeline.look(event.user_id, event.event_time, event.context.locale)
            pipeline.evaluator.begin(index, served, evaluates=index >= self._evaluated_from)
            pipeline.play(event)
            if not done % REPORT_EVERY_EVENTS:
                tell(PoolProgress(WITH_PLANS, done, size, f"{len(self._replannings):,} re-plannings"))
        compared = self._compared()
        tell(PoolProgress(WITH_PLANS, size, size, f"{len(self._replannings):,} re-plannings"))
        return compared

    def _observe(self, outcome: BatchOutcome) -> None:
        for prequential, ranking in outcome.evaluated:
            if self._index >= self._evaluated_from:
                self._rank(prequential, ranking)
        record = outcome.users.get(self._event.user_id)
        if record is not None:
            self._note(record, self._event, _accepted(outcome))

    def _rank(self, prequential: PrequentialQuery, ranking: Ranking) -> None:
        rankings = self.rankings(prequential, ranking)
        shown = _shown(ranking)
        user = self._users.of(prequential.record.user.user_id)
        ranks = tuple(rankings[arm].rank or 0 for arm in ARMS)
        differs = tuple(_shown(rankings[arm]) != shown for arm in ARMS)
        self._rows.append((self._index, user, ranking.rank or 0, ranks, differs))

    def rankings(self, prequential: PrequentialQuery, ranking: Ranking) -> dict[Arm, Ranking]:
        """Return the ranking of the choice in each arm; production's own where the arm's plan ranks alike."""
        records = self._arms.records(prequential.record)
        own = _ranked_by(prequential.record)
        others = {arm: record for arm, record in records.items() if _ranked_by(record) != own}
        queries = [replace_record(prequential, record).query() for record in others.values()]
        return dict.fromkeys(ARMS, ranking) | dict(zip(others, self._pipeline.rank(queries), strict=True))

    def _note(self, record: UserRecord, event: Interaction, trigger: TriggerName | None) -> None:
        replanned = self._arms.after(record, event, trigger)
        # Of a re-planning within the warm-up the next choices are not evaluated.
        if replanned and trigger is not None and self._index >= self._evaluated_from:
            user, at = self._users.of(record.user.user_id), event.event_time
            self._replannings.append(Replanning(self._index, user, trigger, at, record.user.choices))

    def _compared(self) -> Compared:
        index, user, planned, ranks, differs = zip(*self._rows, strict=True) if self._rows else ((),) * 5
        ranks_of = np.array(ranks, np.int16).reshape(-1, len(ARMS))
        differs_of = np.array(differs, np.bool_).reshape(-1, len(ARMS))
        return Compared(
            index=np.array(index, np.int64),
            user=np.array(user, np.int32),
            planned=np.array(planned, np.int16),
            ranks={arm: ranks_of[:, column].copy() for column, arm in enumerate(ARMS)},
            differs={arm: differs_of[:, column].copy() for column, arm in enumerate(ARMS)},
            replannings=tuple(self._replannings),
            random_plans=self._arms.random_plans,
            milliseconds=planning_milliseconds(self._log, self._pipeline.table),
        )


def replace_record(prequential: PrequentialQuery, record: UserRecord) -> PrequentialQuery:
    """Return the same prequential query about another record of its user."""
    return PrequentialQuery(record, prequential.event, prequential.entry_id)


def _ranked_by(record: UserRecord) -> tuple[object, ...]:
    """Return what of a record's plan reaches the ranking of a prequential query, which never explores."""
    plan = record.plan
    if plan is None:
        return ((), (), None)
    intents = tuple((intent.category, intent.weight, intent.confidence) for intent in plan.intents)
    return (intents, plan.quotas, record.agent.constraints)


def _accepted(outcome: BatchOutcome) -> TriggerName | None:
    """Return why a plan was made in this batch, none if none was."""
    entries = [message.value for message in outcome.messages if isinstance(message.value, PlanEntry)]
    reasons = [entry.trigger for entry in entries if entry.decision == "accepted"]
    return reasons[-1] if reasons else None


def _shown(ranking: Ranking) -> tuple[ItemId, ...]:
    return tuple([placed.item_id for placed in ranking.slate])
