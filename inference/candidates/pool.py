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
    """`items` int64 `[users, candidates]` (0 where `mask` is false); `votes` float32 `[sources, users, candidates]`:
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
        votes=np.zeros((len(sources), len(rows), longest), np.float32),
    )
    for row, (items, votes) in enumerate(rows):
        pool.items[row, : len(items)] = items
        pool.mask[row, : len(items)] = True
        pool.votes[:, row, : len(items)] = votes
    return pool


def _merge(
    person: Person, table: ItemTable, sources: Sequence[Source], width: int
) -> tuple[Numbers, NDArray[np.float32]]:
    """One person's candidates in ascending item number, and who proposed them."""
    found = [source.propose(person, table, source.size) for source in sources]
    pinned = _pinned(person, table)
    sizes = [len(part) for part in found]
    items = np.concatenate([*found, pinned])
    own = np.arange(sum(sizes)) - np.repeat(np.cumsum([0, *sizes])[:-1], sizes)
    places = np.concatenate([own, np.full(len(pinned), -1)]).astype(np.int16)
    kept = np.sort(_first(items[np.argsort(places, kind="stable")], len(table))[:width])
    row_of = np.full(max(1, len(table)), -1, np.int32)
    row_of[kept] = np.arange(len(kept))
    rows = row_of[items[: sum(sizes)]]
    votes = np.zeros((len(sources), len(kept)), np.float32)
    proposed = rows >= 0
    columns = np.repeat(np.arange(len(sources)), sizes)
    votes[columns[proposed], rows[proposed]] = 1.0 / (1.0 + places[: sum(sizes)][proposed] / 10.0)
    return kept, votes


def _first(items: Numbers, size: int) -> Numbers:
    """Each item once, where it comes first; `size` is above all numbers.

    >>> _first(np.array([3, 1, 3, 2, 1]), 4).tolist()
    [3, 1, 2]
    """
    order = np.arange(len(items), dtype=np.int32)
    first = np.empty(max(1, size), np.int32)
    first[items[::-1]] = order[::-1]
    distinct: Numbers = items[first[items] == order]
    return distinct


def _pinned(person: Person, table: ItemTable) -> Numbers:
    plan = person.query.plan
    names = plan.constraints.pinned_items if plan else ()
    numbers = [table.number.get(ItemId(name)) for name in names]
    return np.array([number for number in numbers if number is not None and not person.blocked[number]], np.int64)
