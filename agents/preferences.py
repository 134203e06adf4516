"""What an agent hands to the ranker: its plan and memories as numbers, computed once per ranking.

Explanations take the weights of intents from the same function, and name only what has a positive weight here, so that
a line and a score cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from agents.memory.record import FOR, is_active, is_conditional, weight
from agents.planning.plan import constraints_of
from features.agent_preferences import AgentPreferences
from features.recurring_times import in_force
from schemas.ids import ItemId
from schemas.memories import Memory
from schemas.plans import ConditionalRule, Constraints, Intent, Plan


def intent_weight(intent: Intent) -> float:
    """Return what the intent weighs in a ranking: its share of attention times its confidence, in [-1, 1].

    >>> intent_weight(Intent(category="jazz", weight=-0.5, confidence=0.5))
    -0.25
    """
    return intent.weight * intent.confidence


def preferences_of(plan: Plan | None, memories: Iterable[Memory], now: float) -> AgentPreferences:
    """Return the plan and the active memories as numbers, each memory by its `weight` at `now`; dormant memories have
    none, and those about attributes rank nothing, nor do consolidated ones beside their parts, nor decisions that hold
    on a condition beside their rules.

    >>> preferences_of(None, (), now=0.0) == AgentPreferences()
    True
    """
    active = [memory for memory in memories if _ranks(memory)]
    if plan is None and not active:
        return AgentPreferences()
    planned, stated = plan.constraints if plan else Constraints(), constraints_of(active)
    only, rules = _in_force(stated, planned, now)
    weighed = [
        (memory, weight(memory, now)) for memory in active if memory.subject != "fact" and not is_conditional(memory)
    ]
    liked = [(-own, memory.memory_id, memory) for memory, own in weighed if memory.predicate in FOR]
    strongest = [memory for *_, memory in sorted(liked, key=itemgetter(0, 1))]
    return AgentPreferences(
        banned_items=(*map(ItemId, stated.banned_items), *map(ItemId, planned.banned_items)),
        banned_categories=(*stated.banned_categories, *planned.banned_categories),
        only_categories=only,
        limits=(*stated.limits, *planned.limits),
        rules=rules,
        intent_weights=tuple([(intent.category, intent_weight(intent)) for intent in (plan.intents if plan else ())]),
        category_weights=tuple([(memory.value, own) for memory, own in weighed if memory.subject == "category"]),
        item_weights=tuple([(ItemId(memory.value), own) for memory, own in weighed if memory.subject == "item"]),
        liked_items=tuple([ItemId(memory.value) for memory in strongest if memory.subject == "item"]),
        liked_categories=tuple([memory.value for memory in strongest if memory.subject == "category"]),
    )


def _in_force(
    stated: Constraints, planned: Constraints, now: float
) -> tuple[tuple[str, ...], tuple[ConditionalRule, ...]]:
    """Return what alone is wanted at `now`, and the rules that hold then."""
    only = stated.only_categories or planned.only_categories
    if not (stated.rules or planned.rules):
        return only, ()
    rules = tuple(dict.fromkeys((*stated.rules, *planned.rules)))
    present = in_force(Constraints(only_categories=only, rules=rules), now)
    return present.only_categories, present.rules


def _ranks(memory: Memory) -> bool:
    return memory.subject != "attribute" and not memory.parts and is_active(memory)
