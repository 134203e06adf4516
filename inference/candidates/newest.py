"""What has just come out: the newest items that hardly anybody has met."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.person import Person


def propose(person: Person, table: ItemTable, size: int) -> Numbers:
    """The items that became choosable last, newest first."""
    cold = table.cold()[::-1]
    return cold[~person.blocked[cold]][:size]
