"""What reads like the person's recent items, among items too new to have shown how they do."""

from __future__ import annotations

from features.item_table import ItemTable, Numbers
from inference.candidates.source import best
from inference.person import Person


def propose(person: Person, table: ItemTable, size: int) -> Numbers:
    """Cold items whose words agree most with those of the recent ones."""
    if not len(person.recent):
        return person.consumed[:0]
    cold = table.cold()
    return cold[best(table.content[cold] @ person.profile, person.blocked[cold], size)]
