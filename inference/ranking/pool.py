"""The candidates of a batch: every source's proposals, merged fairly and cut to a width."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.items.scores import find
from inference.items.table import ItemTable, Numbers
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
    nothing = len(table)
    proposals = np.full(len(slots.source), nothing)
    for begin, source in zip(slots.begins, sources, strict=True):
        proposed = source.propose(context, table, source.size)
        proposals[begin : begin + len(proposed)] = proposed
    ordered = np.concatenate([_pinned(context, table), proposals[slots.by_rank]])
    distinct = _first(ordered, nothing + 1)
    candidates = np.sort(distinct[distinct != nothing][:width])
    rows, is_candidate = find(candidates, proposals)
    votes = np.zeros((len(sources), len(candidates)), np.float32)
    votes[slots.source[is_candidate], rows[is_candidate]] = slots.vote[is_candidate]
    return candidates, votes


def _first(items: Numbers, size: int) -> Numbers:
    """Return each item once, in the order of first appearance; `size` is above all numbers.

    >>> _first(np.array([3, 1, 3, 2, 1]), 4).tolist()
    [3, 1, 2]
    """
    order = np.arange(len(items), dtype=np.int32)
    first = np.empty(size, np.int32)
    first[items[::-1]] = order[::-1]
    distinct: Numbers = items[first[items] == order]
    return distinct


def _pinned(context: RankingContext, table: ItemTable) -> Numbers:
    plan = context.query.plan
    names = plan.constraints.pinned_items if plan else ()
    numbers = [table.number.get(ItemId(name)) for name in names]
    return np.array([number for number in numbers if number is not None and not context.blocked[number]], np.int64)
