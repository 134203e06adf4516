"""What many people chose lately: decayed popularity at one half-life."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import Propose
from inference.person import Person


def popular(half: int) -> Propose:
    """The source of the most popular items at the half-life of this place in `HALF_LIVES`."""

    def propose(person: Person, table: ItemTable, size: int) -> Numbers:
        depth = 2 * size
        while True:
            numbers = table.popular(half, depth)
            allowed = numbers[~person.blocked[numbers]]
            if len(allowed) >= size or len(numbers) < depth:
                return allowed[:size]
            depth *= 4

    return propose
