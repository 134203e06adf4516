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
    """Ask every source for every user; the best-ranked proposals fill `width`, pinned items before all."""
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
    return merged_proposals(
        _pinned(context, table), proposals, np.array(counts), _votes(max(counts)), width, len(table)
    )


def _pinned(context: RankingContext, table: ItemTable) -> Numbers:
    plan = context.query.plan
    if plan is None or not plan.constraints.pinned_items:
        return NO_ITEMS
    numbers = [table.number.get(ItemId(name)) for name in plan.constraints.pinned_items]
    return np.array([number for number in numbers if number is not None and not context.blocked[number]], np.int64)
