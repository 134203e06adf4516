"""What external knowledge is worth: the same backtest without facts, with them, and with facts that are shuffled.

The columns are those of external knowledge in all three, so that the networks begin from the same draws; without facts
they stay zero. Being in a table of facts tells something by itself: whoever made it took what is known. So the facts
are also shuffled among the very items that have any, as a placebo: what the facts say of an item is then untrue, and
that there are some stays true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from schemas.interactions import ItemEvent
from schemas.signals import ExternalSignal
from streams.backtest.arms import ArmGroup, ArmRun, BacktestArm, group_of
from streams.backtest.config import BacktestConfig, EventLog, SystemConfig

KnowledgeArm = Literal["no facts", "facts", "shuffled facts"]
KNOWLEDGE_ARMS: tuple[KnowledgeArm, ...] = get_args(KnowledgeArm)
COMPARED_ARMS: tuple[tuple[KnowledgeArm, KnowledgeArm], ...] = (
    ("facts", "no facts"),
    ("facts", "shuffled facts"),
    ("shuffled facts", "no facts"),
)
COLD_EVENTS = 5


class KnowledgeResults(Struct, frozen=True, kw_only=True):
    """What facts are worth on a log: the signals of its items, the items that have facts, and what share these are of
    the log's items and of its choices.
    """

    signals: int
    known_items: int
    items_with_facts: float
    choices_with_facts: float
    groups: tuple[ArmGroup, ...]


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


def knowledge_arms(log: EventLog, system: SystemConfig, plan: BacktestConfig) -> dict[str, BacktestArm]:
    """Return the arms of a log whose signals are the facts."""
    signals = {"no facts": (), "facts": log.signals, "shuffled facts": shuffled(log.signals, plan.seed)}
    return {arm: BacktestArm(replace(log, signals=signals[arm]), system, plan) for arm in KNOWLEDGE_ARMS}


def knowledge_results(log: EventLog, runs: Mapping[str, ArmRun], plan: BacktestConfig) -> KnowledgeResults:
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
        groups=tuple(group_of(name, mask, runs, COMPARED_ARMS, plan) for name, mask in masks.items()),
    )
