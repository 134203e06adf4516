"""The planner that is always there: goal → session steps → slate composition, by rules over what is remembered."""

from __future__ import annotations

from math import ceil

from msgspec import Struct

from agents.memory.recall import recall
from agents.memory.record import AGAINST, FOR, confidence
from agents.planning.budget import Cost
from agents.planning.plan import Planner, PlanningContext, plan_id
from agents.profile import Weights, interests, lasting
from features.decay import DAY
from schemas.memories import Memory
from schemas.plans import Intent, Plan, Quota, TriggerName

HOUR = 3_600.0
RECALLED = 24
INTENTS = 8
MORE_AT_LEAST = 2
"""Places that a category gets of which more was asked for."""
LESS_AT_MOST = 1
DISLIKED_AT_MOST = 2
WARRANT = 60.0
"""Seconds that a plan lives for each judgement that it could look at: who is hardly known is looked at again soon."""
SURE = 0.5
"""From this confidence on a dislike limits the slate."""


class Strategy(Struct, frozen=True, kw_only=True):
    """How to plan for a trigger: shares of mood and setting in what is wanted, greatest share of one category."""

    goal: str
    steps: tuple[str, ...]
    mood: float = 0.3
    setting: float = 0.1
    top_share: float = 0.8
    horizon: float = 6 * HOUR


STRATEGIES: dict[TriggerName, Strategy] = {
    "session-start": Strategy(
        goal="welcome back with what lasts",
        steps=("open with lasting tastes that fit the hour", "follow what is chosen"),
        mood=0.15,
        setting=0.2,
        horizon=DAY,
    ),
    "taste-drift": Strategy(
        goal="follow the new taste", steps=("lead with the mood", "keep a door open to lasting tastes"), mood=0.6
    ),
    "skip-run": Strategy(
        goal="change the subject",
        steps=("drop what is skipped", "offer the person's other interests"),
        mood=0.5,
        top_share=0.4,
        horizon=HOUR,
    ),
    "slate-exhausted": Strategy(goal="go on", steps=("more of what was chosen", "widen slowly"), top_share=0.6),
    "instruction": Strategy(goal="do as told", steps=("obey what was said", "then what lasts"), horizon=DAY),
    "plan-expired": Strategy(goal="keep up", steps=("look again at what is wanted",)),
    "contradiction": Strategy(
        goal="find out what is liked",
        steps=("show a little of what is disputed", "believe the next answer"),
        horizon=HOUR,
    ),
}
"""One row per trigger; `tests/unit/agents` holds it complete."""

Speakers = dict[tuple[str, bool], Memory]
"""The most telling memory that speaks for (true) or against (false) a category."""


class RulePlanner(Struct, frozen=True):
    """Plans by `STRATEGIES`. Pure, a fraction of a millisecond, and every intent points at a memory."""

    cost: Cost = Cost(tokens=0.0, milliseconds=0.3)

    def propose(self, situation: PlanningContext) -> Plan:
        """A plan for this situation; with nothing remembered it wants nothing but what was said."""
        strategy = STRATEGIES[situation.trigger]
        known = lasting(situation.memories, situation.now)
        wanted = interests(situation.profile, known, situation.where, mood=strategy.mood, setting=strategy.setting)
        speakers = _speakers(situation)
        intents = _intents(wanted, speakers, situation)
        return Plan(
            plan_id=plan_id(situation.cause, "rules"),
            user_id=situation.user_id,
            goal=strategy.goal,
            steps=strategy.steps,
            intents=intents,
            quotas=_quotas(intents, speakers, situation, strategy),
            constraints=situation.constraints,
            made_at=situation.now,
            expires_at=situation.now + min(strategy.horizon, WARRANT * max(1, situation.profile.judged)),
            evidence=tuple(intent.memory_id for intent in intents if intent.memory_id is not None),
            state_version=situation.state_version,
        )


RULES: Planner = RulePlanner()
"""The default and the fallback."""


def _speakers(situation: PlanningContext) -> Speakers:
    """Recalled with the mood at hand: whatever categories it touches, liked or not, matter most."""
    of_categories = [memory for memory in situation.memories if memory.subject == "category"]
    found: Speakers = {}
    for memory in recall(of_categories, situation.now, about=situation.profile.transient, k=RECALLED):
        found.setdefault((memory.value, memory.predicate in FOR), memory)
    return found


def _intents(wanted: Weights, speakers: Speakers, situation: PlanningContext) -> tuple[Intent, ...]:
    """The weightiest wishes that a memory speaks for, as shares of attention that sum to 1 in size."""
    banned = situation.constraints.banned_categories
    chosen: list[tuple[str, float, Memory]] = []
    for name in sorted(wanted, key=lambda name: (-abs(wanted[name]), name)):
        memory = speakers.get((name, wanted[name] > 0.0))
        if memory is not None and wanted[name] and name not in banned:
            chosen.append((name, wanted[name], memory))
    chosen = chosen[:INTENTS]
    total = sum(abs(weight) for _, weight, _ in chosen)
    return tuple(
        Intent(
            category=name,
            weight=weight / total,
            confidence=confidence(memory, situation.now),
            memory_id=memory.memory_id,
        )
        for name, weight, memory in chosen
    )


def _quotas(
    intents: tuple[Intent, ...], speakers: Speakers, situation: PlanningContext, strategy: Strategy
) -> tuple[Quota, ...]:
    """How the slate is composed: what was asked for gets places, what is unwanted few, nothing takes all."""
    size = situation.slate_size
    free = size // 2
    limits: dict[str, Quota] = {}
    for intent in intents[:1]:
        if intent.weight > 0.0:
            limits[intent.category] = Quota(category=intent.category, at_most=ceil(size * strategy.top_share))
    for (name, _), memory in speakers.items():
        at_most = _at_most(memory, situation.now)
        if at_most is not None:
            limits[name] = Quota(category=name, at_most=min(at_most, size))
        elif memory.predicate == "wants-more" and free >= MORE_AT_LEAST:
            limits[name] = Quota(category=name, at_least=MORE_AT_LEAST)
            free -= MORE_AT_LEAST
    if situation.trigger == "contradiction":
        limits |= {name: Quota(category=name, at_least=1, at_most=2) for name in _disputed(situation)[:free]}
    banned = situation.constraints.banned_categories
    return tuple(quota for name, quota in limits.items() if name not in banned)


def _at_most(memory: Memory, now: float) -> int | None:
    if memory.predicate == "wants-less":
        return LESS_AT_MOST
    if memory.predicate in AGAINST and confidence(memory, now) >= SURE:
        return DISLIKED_AT_MOST
    return None


def _disputed(situation: PlanningContext) -> list[str]:
    unresolved = [memory for memory in situation.dormant if memory.state == "unresolved"]
    return sorted({memory.value for memory in unresolved if memory.subject == "category"})
