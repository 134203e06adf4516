"""Repeats: items that the user chose before, by how often, how lately and at which hours, and those only judged."""

from __future__ import annotations

import numpy as np

from features.decay import DAY
from inference.items.scores import ItemScores, find
from inference.items.table import ItemTable, Numbers
from inference.ranking_context import RankingContext
from inference.signals.columns import Block, FeatureGroup, RankingBatch
from inference.signals.habits import at_this_time
from inference.signals.source import CandidateSource, nothing


def propose(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    """Return consumed items, where repeats are allowed; those of the current session last."""
    if not context.repeats or not len(context.consumed):
        return nothing()
    idle = context.query.now - context.consumed_at
    in_session = context.consumed_at >= context.query.user.session.began_at
    scores = np.log1p(context.consumed_count) - 0.1 * np.log1p(np.maximum(0.0, idle) / 3_600.0) - 2.0 * in_session
    ranked = context.consumed[np.argsort(-scores, kind="stable")]
    return ranked[~context.blocked[ranked]][:size]


def reason(context: RankingContext, table: ItemTable, item: int) -> str:
    """Return "you come back to this" if the user chose the item twice or more."""
    times = context.consumed_count[context.consumed == item]
    return "you come back to this" if len(times) and times[0] > 1 else "you chose this before"


def fill(batch: RankingBatch) -> Block:
    """Return, for consumed items: a flag, how often, gap over personal interval, gap, whether in this session, and how
    often at about this time of day and of the week; for items that were only skipped, disliked or viewed: the reward.
    """
    filled = np.zeros((8, *batch.items.shape))
    for row, context in enumerate(batch.contexts):
        items = batch.items[row]
        if context.unchosen_rewards:
            filled[7, row] = _unchosen(context).at(items)
        if context.repeats and len(context.consumed):
            order = context.consumed.argsort()
            own, is_consumed = find(context.consumed[order], items)
            repeated = (batch.mask[row] & is_consumed).nonzero()[0]
            if len(repeated):
                columns = _of_consumed(context, batch.table, items[repeated], order[own[repeated]])
                filled[:7, row, repeated] = columns
    return filled


def _unchosen(context: RankingContext) -> ItemScores:
    """Return the rewards of items that were not chosen."""
    numbers = np.array(list(context.unchosen_rewards), np.int64)
    order = numbers.argsort()
    rewards = np.array(list(context.unchosen_rewards.values()), np.float64)
    return ItemScores(numbers=numbers[order], values=rewards[order])


def _of_consumed(context: RankingContext, table: ItemTable, items: Numbers, own: Numbers) -> Block:
    """Return the first seven columns of `fill` for consumed items, ascending: `[7, items]`; `own` are their rows in the
    context's arrays.
    """
    query, state = context.query, context.query.user
    first, last = context.consumed_first_at[own], context.consumed_at[own]
    count = context.consumed_count[own].astype(np.float64)
    gap = np.maximum(0.0, query.now - last)
    usual_gap = state.gap_sum / max(1, state.repeats) or DAY
    interval = np.where(last > first, (last - first) / np.maximum(1.0, count - 1.0), usual_gap)
    columns = (
        np.ones(len(items)),
        np.log1p(count) / 2.0,
        np.clip(np.log2((gap + 3_600.0) / (interval + 3_600.0)) / 4.0, -2.0, 2.0),
        np.log1p(gap / DAY) / 3.0,
        last >= state.session.began_at,
    )
    return np.stack([*columns, *at_this_time(state, query.now, items, table.number)])


REPEAT_SOURCE = CandidateSource(name="repeats", propose=propose, size=40, reason=reason)
REPEAT_COLUMNS = FeatureGroup(
    group="repeats",
    names=(
        "consumed",
        "consumed_count",
        "gap_over_interval",
        "gap",
        "this_sitting",
        "at_this_hour",
        "at_this_time_of_week",
        "judged",
    ),
    fill=fill,
    initial={"consumed": -1.0, "consumed_count": 1.0, "this_sitting": -1.0, "judged": 5.0},
)
