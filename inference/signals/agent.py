"""What the user's agent wants: the plan's intents, and what memories like and dislike.

The agent's numbers are `features.agent_preferences`; they are read as they are, never worked out again.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from inference.items.table import Doubles, ItemTable, Numbers
from inference.ranking_context import RankingContext
from inference.signals.columns import Block, FeatureGroup, RankingBatch
from inference.signals.source import CandidateSource, first_allowed, nothing

LIKED_CATEGORIES = 3
"""From how many of the most strongly liked categories items are proposed."""


def propose_intents(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the most popular items of each wanted category, a share of `size` by the intent's weight."""
    plan = context.query.plan
    wanted = [intent for intent in plan.intents if intent.weight > 0] if plan else []
    total = sum(intent.weight for intent in wanted)
    parts = [leaders(context, table, intent.category, round(size * intent.weight / total)) for intent in wanted]
    if plan:
        parts += [leaders(context, table, quota.category, quota.at_least) for quota in plan.quotas if quota.at_least]
    return np.concatenate(parts)[:size] if parts else nothing()


def propose_memories(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return liked items themselves, then the most popular items of the most strongly liked categories."""
    preferences = context.query.preferences
    numbers = [table.number.get(item) for item in preferences.liked_items]
    items = np.array([number for number in numbers if number is not None], np.int64)
    categories = preferences.liked_categories[:LIKED_CATEGORIES]
    shares = [leaders(context, table, category, size // LIKED_CATEGORIES) for category in categories]
    return np.concatenate([items[~context.blocked[items]], *shares])[:size]


def leaders(context: RankingContext, table: ItemTable, category: str, size: int) -> Numbers:
    """Return the most popular items of a category that are not blocked, best first."""
    if size <= 0:
        return nothing()
    depth = 1 << (4 * size - 1).bit_length()
    return first_allowed(partial(table.by_category.leading, category), context.blocked, size, depth)


def fill(batch: RankingBatch) -> Block:
    """Return intent match x confidence, match with remembered categories, and with remembered items."""
    filled = np.zeros((3, *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        if not context.query.preferences.is_weighted:
            continue
        match = _category_weights(context, batch.table).take(batch.categories[:, row], axis=1).sum(axis=1)
        filled[:2, row] = np.clip(match, -2.0, 2.0)
        filled[2, row] = _item_weights(context, batch.table, batch.items[row])
    return filled


def _category_weights(context: RankingContext, table: ItemTable) -> Doubles:
    """Return the weight of each category by plan and by memories: `[2, categories + 1]`."""
    weights = np.zeros((2, len(table.by_category) + 1))
    preferences = context.query.preferences
    for source, named in enumerate((preferences.intent_weights, preferences.category_weights)):
        for category, weight in named:
            weights[source, table.by_category.number_of(category)] += weight
    weights[:, 0] = 0.0
    weights[1] = np.tanh(weights[1])
    return weights


def _item_weights(context: RankingContext, table: ItemTable, items: Numbers) -> Doubles:
    """Return the weight of each of the items by memories: `[items]`."""
    weighted = [
        (table.number[item], weight) for item, weight in context.query.preferences.item_weights if item in table.number
    ]
    if not weighted:
        return np.zeros(len(items))
    numbers, weights = zip(*weighted, strict=True)
    addends = table.summing.addends(np.array(numbers, np.int64), len(table))
    return np.asarray(addends.sum(np.tanh(weights)).at(items), np.float64)


INTENT_SOURCE = CandidateSource(name="intents", propose=propose_intents, size=20, reason="part of your plan")
MEMORY_SOURCE = CandidateSource(
    name="memories", propose=propose_memories, size=15, reason="you said or showed that you like this"
)
AGENT_COLUMNS = FeatureGroup(
    group="agent",
    names=("intent", "memory_category", "memory_item"),
    fill=fill,
    initial={"intent": 0.5, "memory_category": 0.3, "memory_item": 0.5},
)
