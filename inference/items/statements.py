"""Which items of a table a user's statements rule out: as `features.item_rules` has it, for all items at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from inference.items.table import Bools, ItemTable
from schemas.ids import ItemId
from schemas.plans import ConditionalRule, Limit


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

    @property
    def rules(self) -> Iterable[ConditionalRule]:
        """What holds on a condition."""
        ...


def block_items(blocked: Bools, items: Iterable[str], table: ItemTable) -> None:
    """Block these items; `blocked`, `[items]`, is written to."""
    numbers = [number for item in items if (number := table.number.get(ItemId(item))) is not None]
    if numbers:
        blocked[numbers] = True


def block_unwanted(blocked: Bools, stated: Statements, table: ItemTable) -> None:
    """Block what the statements in force rule out; `blocked`, `[items]`, is written to."""
    block_items(blocked, stated.banned_items, table)
    for name in stated.banned_categories:
        blocked[table.by_category.members(name)] = True
    if stated.limits:
        blocked |= table.facts.beyond(stated.limits, len(blocked))
    for rule in stated.rules:
        if rule.kind != "only":
            blocked |= _members(rule, table, len(blocked)) & _forbidden(rule, table, len(blocked))
    wishes = [rule for rule in stated.rules if rule.kind == "only"]
    if stated.only_categories or wishes:
        wanted = np.zeros_like(blocked)
        for name in stated.only_categories:
            wanted[table.by_category.members(name)] = True
        for rule in wishes:
            wanted |= _members(rule, table, len(blocked)) | _excepted(rule, table, len(blocked))
        blocked |= ~wanted


def _forbidden(rule: ConditionalRule, table: ItemTable, size: int) -> Bools:
    """Return which items a rule would forbid if they were of its category: bool `[size]`."""
    return ~_excepted(rule, table, size) if rule.limit is None else table.facts.beyond((rule.limit,), size)


def _members(rule: ConditionalRule, table: ItemTable, size: int) -> Bools:
    """Return which items a rule is about: bool `[size]`."""
    if not (rule.item or rule.category):
        return np.ones(size, np.bool_)
    members = np.zeros(size, np.bool_)
    if rule.item:
        block_items(members, (rule.item,), table)
    else:
        members[table.by_category.members(rule.category)] = True
    return members


def _excepted(rule: ConditionalRule, table: ItemTable, size: int) -> Bools:
    """Return which items a rule leaves out, as `features.item_rules.is_of` has it: bool `[size]`."""
    found = np.zeros(size, np.bool_)
    for excepted in rule.exceptions:
        match excepted.subject:
            case "item":
                block_items(found, (excepted.value,), table)
            case "category":
                found[table.by_category.members(excepted.value)] = True
            case "attribute":
                found[table.facts.holders(excepted.attribute, excepted.value)] = True
    return found
