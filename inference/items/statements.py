"""Which items of a table a user's statements rule out: bans, categories that alone are wanted, and limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from inference.items.table import Bools, ItemTable
from schemas.ids import ItemId
from schemas.plans import Limit


class Statements(Protocol):
    """What a user has stated, as `schemas.plans.Constraints` and `features.agent_preferences` have it."""

    @property
    def banned_items(self) -> Iterable[str]:
        """Items that are not wanted."""
        ...

    @property
    def banned_categories(self) -> Iterable[str]:
        """Categories that are not wanted."""
        ...

    @property
    def only_categories(self) -> Iterable[str]:
        """Categories of which every item is to have one, if there are any."""
        ...

    @property
    def limits(self) -> Iterable[Limit]:
        """Limits that every item is known to keep."""
        ...


def block_items(blocked: Bools, items: Iterable[str], table: ItemTable) -> None:
    """Block these items; `blocked`, `[items]`, is written to."""
    numbers = [number for item in items if (number := table.number.get(ItemId(item))) is not None]
    if numbers:
        blocked[numbers] = True


def block_unwanted(blocked: Bools, stated: Statements, table: ItemTable) -> None:
    """Block what the statements rule out; `blocked`, `[items]`, is written to."""
    block_items(blocked, stated.banned_items, table)
    for name in stated.banned_categories:
        blocked[table.by_category.members(name)] = True
    if stated.only_categories:
        others = np.ones_like(blocked)
        for name in stated.only_categories:
            others[table.by_category.members(name)] = False
        blocked |= others
    if stated.limits:
        blocked |= table.facts.beyond(stated.limits, len(blocked))
