"""The candidates of a batch: every source's proposals, merged fairly and cut to a width."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.item_table import Bools, ItemTable, Numbers
from inference.candidates.source import Source
from inference.ranking_context import RankingContext
from schemas.ids import ItemId


class Pool(Struct, frozen=True, kw_only=True):
    """`items` int64 `[users, candidates]` (0 where `mask` is false); `votes` float32 `[sources, users, candidates]`:
    1 / (1 + place / 10) in the source's own order, 0 if it did not propose the item.
    """

    items: Numbers
    mask: Bools
    votes: NDArray[np.float32]


class Slots(Struct, frozen=True, kw_only=True):
    """Where proposals lie side by side, a room of its own size for each source; all arrays are `[slots]`.

    `begins` `[sources]` is each room's first slot, `source` whose slot it is, `vote` what it counts, and `by_place` the
    slots in the order of their places in their sources' own orders, of equal ones the earlier source first.
    """

    begins: tuple[int, ...]
    source: Numbers
    vote: NDArray[np.float32]
    by_place: Numbers


@cache
def _slots(sizes: tuple[int, ...]) -> Slots:
    place = np.concatenate([np.arange(size) for size in sizes])
    return Slots(
        begins=tuple(np.cumsum([0, *sizes])[:-1].tolist()),
        source=np.repeat(np.arange(len(sizes)), sizes),
        vote=(1.0 / (1.0 + place / 10.0)).astype(np.float32),
        by_place=np.argsort(place, kind="stable"),
    )


def gather(persons: Sequence[RankingContext], table: ItemTable, sources: Sequence[Source], width: int) -> Pool:
    """Ask every source for every person; the best-placed proposals fill `width`, pinned items before all."""
    slots = _slots(tuple([source.size for source in sources]))
    rows = [_merge(person, table, sources, slots, width) for person in persons]
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
    person: RankingContext, table: ItemTable, sources: Sequence[Source], slots: Slots, width: int
) -> tuple[Numbers, NDArray[np.float32]]:
    """One person's candidates in ascending item number, and who proposed them."""
    nothing = len(table)
    found = np.full(len(slots.source), nothing)
    for begin, source in zip(slots.begins, sources, strict=True):
        proposed = source.propose(person, table, source.size)
        found[begin : begin + len(proposed)] = proposed
    ordered = np.concatenate([_pinned(person, table), found[slots.by_place]])
    distinct = _first(ordered, nothing + 1)
    kept = np.sort(distinct[distinct != nothing][:width])
    row_of = np.full(nothing + 1, -1, np.int32)
    row_of[kept] = np.arange(len(kept))
    rows = row_of[found]
    counts = rows >= 0
    votes = np.zeros((len(sources), len(kept)), np.float32)
    votes[slots.source[counts], rows[counts]] = slots.vote[counts]
    return kept, votes


def _first(items: Numbers, size: int) -> Numbers:
    """Each item once, where it comes first; `size` is above all numbers.

    >>> _first(np.array([3, 1, 3, 2, 1]), 4).tolist()
    [3, 1, 2]
    """
    order = np.arange(len(items), dtype=np.int32)
    first = np.empty(size, np.int32)
    first[items[::-1]] = order[::-1]
    distinct: Numbers = items[first[items] == order]
    return distinct


def _pinned(person: RankingContext, table: ItemTable) -> Numbers:
    plan = person.query.plan
    names = plan.constraints.pinned_items if plan else ()
    numbers = [table.number.get(ItemId(name)) for name in names]
    return np.array([number for number in numbers if number is not None and not person.blocked[number]], np.int64)
