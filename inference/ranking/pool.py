"""The candidates of a batch: every source's proposals, merged fairly and cut to a width."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from inference.items.table import ItemTable, Numbers
from inference.kernels.merged_proposals import merged_proposals
from inference.ranking_context import RankingContext
from inference.signals.columns import Pool
from inference.signals.source import CandidateSource
from schemas.ids import ItemId

NO_ITEMS: Numbers = np.zeros(0, np.int64)


@cache
def _votes(size: int) -> NDArray[np.float32]:
    """Return the vote of a source for its first `size` proposals, by rank."""
    return (1.0 / (1.0 + np.arange(size) / 10.0)).astype(np.float32)


def gather(
    contexts: Sequence[RankingContext], table: ItemTable, sources: Sequence[CandidateSource], width: int
) -> Pool:
    """Ask every source for every user; the best-ranked proposals fill `width`, those of `_first` before all."""
    rows = [_merge(context, table, sources, width) for context in contexts]
    longest = max(1, *(len(items) for items, _ in rows))
    pool = Pool(
        items=np.zeros((len(rows), longest), np.int64),
        mask=np.zeros((len(rows), longest), np.bool_),
        votes=np.zeros((len(sources), len(rows), longest), np.float32),
    )
    for row, (items, votes) in enumerate(rows):
        pool.items[row, : len(items)] = items
        pool.mask[row, : len(items)] = True
        pool.votes[:, row, : len(items)] = votes
    return pool


def _merge(
    context: RankingContext, table: ItemTable, sources: Sequence[CandidateSource], width: int
) -> tuple[Numbers, NDArray[np.float32]]:
    """Return one user's candidates `[candidates]` in ascending item number, and their votes `[sources, candidates]`."""
    proposed = [source.propose(context, table, source.size) for source in sources]
    counts = list(map(len, proposed))
    proposals = np.concatenate(proposed, dtype=np.int64)
    return merged_proposals(_first(context, table), proposals, np.array(counts), _votes(max(counts)), width, len(table))


def _first(context: RankingContext, table: ItemTable) -> Numbers:
    """Return the candidates that need no source: pinned items, the next steps of goals, and the plan's own."""
    plan = context.query.plan
    names = (*plan.constraints.pinned_items, *plan.candidates) if plan is not None else ()
    if not names and not context.steps:
        return NO_ITEMS
    numbers = [table.number.get(ItemId(name)) for name in names]
    pinned = [number for number in numbers if number is not None and not context.blocked[number]]
    return np.concatenate([np.array(pinned, np.int64), *(step.items for step in context.steps)])
