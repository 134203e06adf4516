"""Repeats: items that the user chose before, by how often, how lately and at which hours, and those only judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.decay import DAY
from inference.items.scores import ItemScores, find
from inference.items.table import Doubles, ItemTable, Numbers
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
        if context.unchosen_rewards:
            filled[7, row] = _unchosen(context).at(batch.items[row])
    returning = [row for row, context in enumerate(batch.contexts) if context.repeats and len(context.consumed)]
    if returning:
        _fill_consumed(filled.reshape(8, -1), batch, returning)
    return filled


def _unchosen(context: RankingContext) -> ItemScores:
    """Return the rewards of items that were not chosen."""
    numbers = np.array(list(context.unchosen_rewards), np.int64)
    order = numbers.argsort()
    rewards = np.array(list(context.unchosen_rewards.values()), np.float64)
    return ItemScores(numbers=numbers[order], values=rewards[order])


def _fill_consumed(filled: Doubles, batch: RankingBatch, rows: Sequence[int]) -> None:
    """Fill the first seven columns, `[8, users x candidates]`, for the consumed items of these users."""
    contexts = [batch.contexts[row] for row in rows]
    candidates, cell_of = _candidates(batch, rows)
    found, is_candidate = find(candidates, _numbered([context.consumed for context in contexts], batch.table))
    cells, own = cell_of[found[is_candidate]], is_candidate.nonzero()[0]
    first, last, count = (
        np.concatenate(parts)[own]
        for parts in zip(*[(c.consumed_first_at, c.consumed_at, c.consumed_count) for c in contexts], strict=True)
    )
    of_user = [_timing(context) for context in contexts]
    now, usual_gap, began_at = np.repeat(np.array(of_user), [len(c.consumed) for c in contexts], axis=0)[own].T
    gap = np.maximum(0.0, now - last)
    interval = np.where(last > first, (last - first) / np.maximum(1.0, count - 1.0), usual_gap)
    filled[0, cells] = 1.0
    filled[1, cells] = np.log1p(count) / 2.0
    filled[2, cells] = np.clip(np.log2((gap + 3_600.0) / (interval + 3_600.0)) / 4.0, -2.0, 2.0)
    filled[3, cells] = np.log1p(gap / DAY) / 3.0
    filled[4, cells] = last >= began_at
    found, is_candidate = find(candidates, _numbered([context.choices for context in contexts], batch.table))
    ages = np.concatenate([context.query.now - context.choices_at for context in contexts])
    near = at_this_time(ages[is_candidate], cell_of[found[is_candidate]], filled.shape[1])
    filled[5:7, cells] = near[:, cells]


def _timing(context: RankingContext) -> tuple[float, float, float]:
    """Return the time, how long the user usually takes to come back to an item, and when the session began."""
    state = context.query.user
    return context.query.now, state.gap_sum / max(1, state.repeats) or DAY, state.session.began_at


def _numbered(items: Sequence[Numbers], table: ItemTable) -> Numbers:
    """Return the items of all users as numbers that differ by user, ascending by user: `[all items]`."""
    return np.concatenate(items) + np.repeat(len(table) * np.arange(len(items)), [len(own) for own in items])


def _candidates(batch: RankingBatch, rows: Sequence[int]) -> tuple[Numbers, Numbers]:
    """Return the candidates of these users, as `_numbered` does, and the cell of each among users x candidates."""
    cells = [row * batch.items.shape[1] + batch.mask[row].nonzero()[0] for row in rows]
    items = [batch.items[row, batch.mask[row]] for row in rows]
    return _numbered(items, batch.table), np.concatenate(cells)


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
