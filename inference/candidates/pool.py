"""The candidates of a batch: every source's proposals, merged fairly and cut to a width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.item_table import Bools, ItemTable, Numbers
from inference.candidates.source import Source
from inference.person import Person
from schemas.ids import ItemId


class Pool(Struct, frozen=True, kw_only=True):
    """`items` int64 `[users, candidates]` (0 where `mask` is false); `votes` float32 `[users, candidates, sources]`:
    1 / (1 + place / 10) in the source's own order, 0 if it did not propose the item.
    """

    items: Numbers
    mask: Bools
    votes: NDArray[np.float32]


def gather(persons: Sequence[Person], table: ItemTable, sources: Sequence[Source], width: int) -> Pool:
    """Ask every source for every person; the best-placed proposals fill `width`, pinned items before all."""
    rows = [_merge(person, table, sources, width) for person in persons]
    longest = max(1, *(len(items) for items, _ in rows))
    pool = Pool(
        items=np.zeros((len(rows), longest), np.int64),
        mask=np.zeros((len(rows), longest), np.bool_),
        votes=np.zeros((len(rows), longest, len(sources)), np.float32),
    )
    for row, (items, votes) in enumerate(rows):
        pool.items[row, : len(items)] = items
        pool.mask[row, : len(items)] = True
        pool.votes[row, : len(items)] = votes
    return pool


def _merge(
    person: Person, table: ItemTable, sources: Sequence[Source], width: int
) -> tuple[Numbers, NDArray[np.float32]]:
    """One person's candidates in ascending item number, and who proposed them."""
    found = [source.propose(person, table, source.size) for source in sources]
    pinned = _pinned(person, table)
    items = np.concatenate([*found, pinned])
    places = np.concatenate([*(np.arange(len(part)) for part in found), np.full(len(pinned), -1)])
    columns = np.repeat(np.arange(len(sources)), [len(part) for part in found])
    fair = np.argsort(places, kind="stable")
    _, first = np.unique(items[fair], return_index=True)
    kept = np.sort(items[fair[np.sort(first)[:width]]])
    votes = np.zeros((len(kept), len(sources)), np.float32)
    proposals = items[: len(columns)]
    if len(kept):
        rows = np.minimum(np.searchsorted(kept, proposals), len(kept) - 1)
        valid = kept[rows] == proposals
        votes[rows[valid], columns[valid]] = 1.0 / (1.0 + places[: len(columns)][valid] / 10.0)
    return kept, votes


def _pinned(person: Person, table: ItemTable) -> Numbers:
    plan = person.query.plan
    names = plan.constraints.pinned_items if plan else ()
    numbers = [table.number.get(ItemId(name)) for name in names]
    return np.array([number for number in numbers if number is not None and not person.blocked[number]], np.int64)
