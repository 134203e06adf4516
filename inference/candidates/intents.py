"""The plan's intents: popular items of the categories that the plan means to serve."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return the most popular items of each wanted category, a share of `size` by the intent's weight."""
    plan = context.query.plan
    wanted = [intent for intent in plan.intents if intent.weight > 0] if plan else []
    total = sum(intent.weight for intent in wanted)
    parts = [leaders(context, table, intent.category, round(size * intent.weight / total)) for intent in wanted]
    if plan:
        parts += [leaders(context, table, quota.category, quota.at_least) for quota in plan.quotas if quota.at_least]
    return np.concatenate(parts)[:size] if parts else np.zeros(0, np.int64)


def leaders(context: RankingContext, table: ItemTable, category: str, size: int) -> Numbers:
    """Return the most popular items of a category that are not blocked, best first."""
    if size <= 0:
        return np.zeros(0, np.int64)
    depth = 1 << (4 * size - 1).bit_length()
    while True:
        numbers = table.by_category.leading(category, depth)
        allowed = numbers[~context.blocked[numbers]]
        if len(allowed) >= size or len(numbers) < depth:
            return allowed[:size]
        depth *= 4
