"""What external knowledge is worth: the same backtest without facts, with them, and with facts that are shuffled.

The columns are those of external knowledge in all three, so that the networks begin from the same draws; without facts
they stay zero. Being in a table of facts tells something by itself: whoever made it took what is known. So the facts
are also shuffled among the very items that have any, as a placebo: what the facts say of an item is then untrue, and
that there are some stays true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal, get_args

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from inference.evaluation.metrics.ranks import contributions, measures
from schemas.interactions import ItemEvent
from schemas.signals import ExternalSignal
from streams.backtest.baselines_process import NoBaselines
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig
from streams.backtest.process_pool import PoolProgress, ReportProgress, in_processes
from streams.backtest.run import BacktestProgress, backtest

KnowledgeArm = Literal["no facts", "facts", "shuffled facts"]
KNOWLEDGE_ARMS: tuple[KnowledgeArm, ...] = get_args(KnowledgeArm)
COMPARED_ARMS: tuple[tuple[KnowledgeArm, KnowledgeArm], ...] = (
    ("facts", "no facts"),
    ("facts", "shuffled facts"),
    ("shuffled facts", "no facts"),
)
COLD_EVENTS = 5


class KnowledgeRun(Struct, frozen=True):
    """A backtest of one arm: the evaluated `rows`, and processor time in milliseconds an event."""

    rows: NDArray[np.void]
    ms_per_event: float


class ArmMetrics(Struct, frozen=True, kw_only=True):
    """The metrics of one arm over a group of choices."""

    hit_rate: float
    gain: float
    ms_per_event: float


class KnowledgeDifference(Struct, frozen=True, kw_only=True):
    """One arm less another on the same choices, with intervals over users."""

    of: KnowledgeArm
    less: KnowledgeArm
    hit_rate: MeanInterval
    gain: MeanInterval


class KnowledgeGroup(Struct, frozen=True, kw_only=True):
    """The results over a group of choices, such as those of users never seen before."""

    group: str
    choices: int
    arms: dict[str, ArmMetrics]
    differences: tuple[KnowledgeDifference, ...]


class KnowledgeResults(Struct, frozen=True, kw_only=True):
    """What facts are worth on a log: the signals of its items, the items that have facts, and what share these are of
    the log's items and of its choices.
    """

    signals: int
    known_items: int
    items_with_facts: float
    choices_with_facts: float
    groups: tuple[KnowledgeGroup, ...]


def of_log(signals: Sequence[ExternalSignal], log: EventLog) -> list[ExternalSignal]:
    """Return the signals about items that the log's events are about."""
    items = {event.item_id for _, event in log.events if isinstance(event, ItemEvent)}
    return [signal for signal in signals if signal.scope == "item" and signal.subject in items]


def shuffled(signals: Sequence[ExternalSignal], seed: int) -> list[ExternalSignal]:
    """Return the signals with their subjects permuted: each says of another item what it said.

    >>> said = [ExternalSignal(scope="item", subject=f"i{n}", source="s", recorded_at=float(n)) for n in range(5)]
    >>> sorted(signal.subject for signal in shuffled(said, 0)) == [f"i{n}" for n in range(5)]
    True
    >>> [signal.recorded_at for signal in shuffled(said, 0)]
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    subjects = list(dict.fromkeys(signal.subject for signal in signals))
    permuted = [subjects[row] for row in np.random.default_rng(seed).permutation(len(subjects))]
    other = dict(zip(subjects, permuted, strict=True))
    return [replace(signal, subject=other[signal.subject]) for signal in signals]


def run_arms(
    log: EventLog, system: SystemConfig, plan: BacktestConfig, *, jobs: int, tell: ReportProgress
) -> dict[str, KnowledgeRun]:
    """Run one backtest an arm; the log's signals are the facts."""
    return in_processes(KNOWLEDGE_ARMS, partial(_run_arm, log, system, plan), jobs=jobs, tell=tell, start="fork")


def _run_arm(log: EventLog, system: SystemConfig, plan: BacktestConfig, arm: str, tell: ReportProgress) -> KnowledgeRun:
    def report(progress: BacktestProgress) -> None:
        tell(PoolProgress(arm, progress.done, len(log.events), f"HR@10 {progress.hit_rate:.4f}"))

    signals = {"no facts": (), "facts": log.signals, "shuffled facts": shuffled(log.signals, plan.seed)}[arm]
    run = backtest(replace(log, signals=signals), system, plan, baselines=NoBaselines(), report=report)
    return KnowledgeRun(rows=run.rows.copy(), ms_per_event=1e3 * run.timing.cpu / len(log.events))


def knowledge_results(log: EventLog, runs: Mapping[str, KnowledgeRun], plan: BacktestConfig) -> KnowledgeResults:
    """Return the results over all choices, those of users never seen, and those of items with few events."""
    rows = runs["facts"].rows
    masks = {
        "all choices": np.ones(len(rows), np.bool_),
        "users never seen": rows["user_events"] == 0,
        f"items with 1 to {COLD_EVENTS} events": (rows["item_events"] > 0) & (rows["item_events"] <= COLD_EVENTS),
    }
    known = {signal.subject for signal in log.signals if signal.facts}
    chosen = [event.item_id for _, event in log.events if isinstance(event, ItemEvent)]
    return KnowledgeResults(
        signals=len(log.signals),
        known_items=len(known),
        items_with_facts=len(known) / max(1, len(set(chosen))),
        choices_with_facts=sum(item in known for item in chosen) / max(1, len(chosen)),
        groups=tuple(_group(name, mask, runs, plan) for name, mask in masks.items()),
    )


def _group(
    name: str, mask: NDArray[np.bool_], runs: Mapping[str, KnowledgeRun], plan: BacktestConfig
) -> KnowledgeGroup:
    ranks = {arm: runs[arm].rows["rank"][mask] for arm in KNOWLEDGE_ARMS}
    users = runs["facts"].rows["user"][mask]
    values = {arm: contributions(own)[:, :2] for arm, own in ranks.items()}
    paired = np.concatenate([values[of] - values[less] for of, less in COMPARED_ARMS], axis=1)
    intervals = clustered(paired, users, seed=plan.seed, resamples=plan.resamples)
    return KnowledgeGroup(
        group=name,
        choices=int(mask.sum()),
        arms={
            arm: ArmMetrics(
                hit_rate=measures(own).hit_rate, gain=measures(own).gain, ms_per_event=runs[arm].ms_per_event
            )
            for arm, own in ranks.items()
        },
        differences=tuple(
            KnowledgeDifference(of=of, less=less, hit_rate=intervals[2 * row], gain=intervals[2 * row + 1])
            for row, (of, less) in enumerate(COMPARED_ARMS)
        ),
    )
