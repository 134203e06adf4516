"""The candidates of a batch: every source's proposals, merged fairly and cut to a width."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.items.table import ItemTable, Numbers
from inference.kernels.kernel import NO_ITEM
from inference.kernels.merged_proposals import merged_proposals, proposal_votes
from inference.ranking_context import RankingContext
from inference.signals.columns import Pool
from inference.signals.source import CandidateSource
from schemas.ids import ItemId


class Slots(Struct, frozen=True, kw_only=True):
    """The layout of proposals side by side, a section of slots for each source; all arrays are `[slots]`.

    `begins` `[sources]` is each section's first slot, `source` the source of a slot, `vote` its vote, and `by_rank` the
    slots ordered by their ranks in their sources' own orders, of equal ones the earlier source first.
    """

    begins: tuple[int, ...]
    source: Numbers
    vote: NDArray[np.float32]
    by_rank: Numbers


@cache
def _slots(sizes: tuple[int, ...]) -> Slots:
    rank = np.concatenate([np.arange(size) for size in sizes])
    return Slots(
        begins=tuple(np.cumsum([0, *sizes])[:-1].tolist()),
        source=np.repeat(np.arange(len(sizes)), sizes),
        vote=(1.0 / (1.0 + rank / 10.0)).astype(np.float32),
        by_rank=np.argsort(rank, kind="stable"),
    )


def gather(
    contexts: Sequence[RankingContext], table: ItemTable, sources: Sequence[CandidateSource], width: int
) -> Pool:
    """Ask every source for every user; the best-ranked proposals fill `width`, pinned items before all."""
    slots = _slots(tuple([source.size for source in sources]))
    rows = [_merge(context, table, sources, slots, width) for context in contexts]
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
    context: RankingContext, table: ItemTable, sources: Sequence[CandidateSource], slots: Slots, width: int
) -> tuple[Numbers, NDArray[np.float32]]:
    """Return one user's candidates `[candidates]` in ascending item number, and their votes `[sources, candidates]`."""
    proposals = np.full(len(slots.source), NO_ITEM)
    for begin, source in zip(slots.begins, sources, strict=True):
        proposed = source.propose(context, table, source.size)
        proposals[begin : begin + len(proposed)] = proposed
    candidates = merged_proposals(_pinned(context, table), proposals, slots.by_rank, width, len(table))
    return candidates, proposal_votes(candidates, proposals, slots.source, slots.vote, len(sources))


def _pinned(context: RankingContext, table: ItemTable) -> Numbers:
    plan = context.query.plan
    names = plan.constraints.pinned_items if plan else ()
    numbers = [table.number.get(ItemId(name)) for name in names]
    return np.array([number for number in numbers if number is not None and not context.blocked[number]], np.int64)
