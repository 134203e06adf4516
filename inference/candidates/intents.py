"""What the person's plan asks for: popular items of the categories that it means to serve."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.ranking_context import RankingContext


def propose(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    """For each wanted category its most popular items, a share of `size` by the intent's weight."""
    plan = person.query.plan
    wanted = [intent for intent in plan.intents if intent.weight > 0] if plan else []
    total = sum(intent.weight for intent in wanted)
    parts = [leaders(person, table, intent.category, round(size * intent.weight / total)) for intent in wanted]
    if plan:
        parts += [leaders(person, table, quota.category, quota.at_least) for quota in plan.quotas if quota.at_least]
    return np.concatenate(parts)[:size] if parts else np.zeros(0, np.int64)


def leaders(person: RankingContext, table: ItemTable, category: str, size: int) -> Numbers:
    """The most popular items of a category that are not blocked, best first."""
    if size <= 0:
        return np.zeros(0, np.int64)
    depth = 1 << (4 * size - 1).bit_length()
    while True:
        numbers = table.by_category.leading(category, depth)
        allowed = numbers[~person.blocked[numbers]]
        if len(allowed) >= size or len(numbers) < depth:
            return allowed[:size]
        depth *= 4
