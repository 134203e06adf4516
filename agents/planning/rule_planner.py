"""The rule planner, default and fallback: goal → session steps → slate composition, by rules over memories."""

from __future__ import annotations

from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from agents.memory.recall import recall
from agents.memory.record import AGAINST, FOR, confidence, is_conditional
from agents.planning.budget import Cost
from agents.planning.plan import Planner, PlanningContext, banned_keys, plan_id
from agents.profile import Weights, interests, lasting_preferences
from features.decay import DAY
from schemas.ids import category_key
from schemas.memories import Memory
from schemas.plans import Intent, Plan, Quota, TriggerName

HOUR = 3_600.0
RECALLED_MEMORIES = 24
PLANNED_INTENTS = 8
MORE_AT_LEAST = 2
"""Slots of a category that the user wants more of."""
LESS_AT_MOST = 1
DISLIKED_AT_MOST = 2
DISPUTED_SHOWN = 2
"""Disputed categories of which a list has an item. None is held back: a cap on what is disputed cost hits."""
SECONDS_PER_REWARD = 60.0
"""Seconds that a plan lives per reward of the profile: users with little evidence are re-planned soon."""
LIMITING_CONFIDENCE = 0.5
"""From this confidence on a dislike limits the slate."""


class Strategy(Struct, frozen=True, kw_only=True):
    """How to plan for a trigger: shares of mood and context in the interests, the greatest share of one category."""

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
    "new-item": Strategy(
        goal="show what is new", steps=("offer the new item", "then what lasts"), mood=0.15, horizon=DAY
    ),
    "goal-reached": Strategy(
        goal="move on from what is reached", steps=("leave the goal that is reached", "then what lasts"), horizon=DAY
    ),
    "contradiction": Strategy(
        goal="find out what is liked",
        steps=("show a little of what is disputed", "believe the next answer"),
        horizon=HOUR,
    ),
}
"""One row per trigger; `tests/unit/agents` holds it complete."""

Speakers = dict[tuple[str, bool], Memory]
"""The most relevant memory that speaks for (true) or against (false) a category."""


class RulePlanner(Struct, frozen=True):
    """Plans by `STRATEGIES`. Pure, a fraction of a millisecond, and every intent points at a memory."""

    cost: Cost = Cost(tokens=0.0, milliseconds=0.3)

    def propose(self, context: PlanningContext) -> Plan:
        """Propose a plan for this context; without memories it has constraints alone."""
        strategy = STRATEGIES[context.trigger]
        lasting = lasting_preferences(context.memories, context.now)
        wanted = interests(context.profile, lasting, context.where, mood=strategy.mood, setting=strategy.setting)
        speakers = _speakers(context)
        if context.trigger == "new-item":
            wanted = _with_new(wanted, speakers, context)
        intents = _intents(wanted, speakers, context)
        return Plan(
            plan_id=plan_id(context.cause, "rules"),
            user_id=context.user_id,
            goal=strategy.goal,
            steps=strategy.steps,
            intents=intents,
            quotas=_quotas(intents, speakers, context, strategy),
            constraints=context.constraints,
            goals=context.goals,
            candidates=(context.new_item.item_id,) if context.new_item else (),
            made_at=context.now,
            expires_at=context.now + min(strategy.horizon, SECONDS_PER_REWARD * max(1, context.profile.rewards)),
            evidence=tuple(intent.memory_id for intent in intents if intent.memory_id is not None),
            state_version=context.state_version,
        )


RULE_PLANNER: Planner = RulePlanner()
"""The default and the fallback."""


def _with_new(wanted: Weights, speakers: Speakers, context: PlanningContext) -> Weights:
    """Return the interests: the new item's categories that a memory speaks for weigh as much as the greatest."""
    categories = context.new_item.categories if context.new_item else ()
    top = max(wanted.values(), default=0.0)
    return wanted | {name: top for name in categories if (name, True) in speakers}


def _speakers(context: PlanningContext) -> Speakers:
    """Return the memories that speak for or against categories; those of the current mood, liked or not, come first."""
    of_categories = [memory for memory in context.memories if memory.subject == "category" and not memory.parts]
    of_categories = [memory for memory in of_categories if not is_conditional(memory)]
    speakers: Speakers = {}
    for memory in recall(of_categories, context.now, about=context.profile.short_term, k=RECALLED_MEMORIES):
        speakers.setdefault((memory.value, memory.predicate in FOR), memory)
    return speakers


def _intents(wanted: Weights, speakers: Speakers, context: PlanningContext) -> tuple[Intent, ...]:
    """Return the weightiest interests that a memory speaks for, as shares of attention whose sizes sum to 1."""
    banned = banned_keys(context.constraints)
    chosen: list[tuple[str, float, Memory]] = []
    for name in sorted(wanted, key=lambda name: (-abs(wanted[name]), name)):
        memory = speakers.get((name, wanted[name] > 0.0))
        if memory is not None and wanted[name] and category_key(name) not in banned:
            chosen.append((name, wanted[name], memory))
    chosen = chosen[:PLANNED_INTENTS]
    total = sum(abs(weight) for _, weight, _ in chosen)
    return tuple(
        Intent(
            category=name,
            weight=weight / total,
            confidence=confidence(memory, context.now),
            memory_id=memory.memory_id,
        )
        for name, weight, memory in chosen
    )


def _quotas(
    intents: tuple[Intent, ...], speakers: Speakers, context: PlanningContext, strategy: Strategy
) -> tuple[Quota, ...]:
    """Compose the slate: wanted categories get slots, unwanted ones few, no category gets all."""
    size = context.slate_size
    free = size // 2
    limits: dict[str, Quota] = {}
    for intent in intents[:1]:
        if intent.weight > 0.0:
            limits[intent.category] = Quota(category=intent.category, at_most=ceil(size * strategy.top_share))
    for (name, _), memory in speakers.items():
        at_most = _at_most(memory, context.now)
        if at_most is not None:
            limits[name] = Quota(category=name, at_most=min(at_most, size))
        elif memory.predicate == "wants-more" and free >= MORE_AT_LEAST:
            limits[name] = Quota(category=name, at_least=MORE_AT_LEAST)
            free -= MORE_AT_LEAST
    if context.trigger == "contradiction":
        for name in _disputed(context)[: min(free, DISPUTED_SHOWN)]:
            limit = limits.get(name, Quota(category=name))
            limits[name] = replace(limit, at_least=max(1, limit.at_least))
    without_quota = banned_keys(context.constraints) | set(map(category_key, context.constraints.only_categories))
    return tuple(quota for name, quota in limits.items() if category_key(name) not in without_quota)


def _at_most(memory: Memory, now: float) -> int | None:
    if memory.predicate == "wants-less":
        return LESS_AT_MOST
    if memory.predicate in AGAINST and confidence(memory, now) >= LIMITING_CONFIDENCE:
        return DISLIKED_AT_MOST
    return None


def _disputed(context: PlanningContext) -> list[str]:
    unresolved = [memory for memory in context.dormant if memory.state == "unresolved"]
    return sorted({memory.value for memory in unresolved if memory.subject == "category"})
