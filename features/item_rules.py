"""Which items a user's statements allow: bans, categories that alone are wanted, limits, and rules with exceptions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from features.attribute_values import listed
from features.item_facts import NOTHING_KNOWN, known_of
from schemas.ids import ItemId, category_key
from schemas.instructions import Excepted
from schemas.items import Item
from schemas.plans import ConditionalRule, Constraints, Limit

StatedFault = Literal["banned-item", "banned-category", "not-wanted"]
NamedAttributes = Iterable[tuple[str, str]]
"""Attributes of an item with their values, as `features.item_facts` reads them."""


class ItemRules:
    """The rules of one user that are in force (`features.recurring_times`), worked out once for all items that are
    checked.

    >>> heat = Item(item_id="i1", title="Heat (1995)", categories=("Crime",))
    >>> ItemRules(Constraints()).allows(heat)
    True
    >>> ItemRules(Constraints(limits=(Limit(fact="year", at_most=1990.0),))).allows(heat)
    False
    >>> ItemRules(Constraints(banned_categories=("crime",))).fault("i1", heat.categories)
    'banned-category'
    """

    def __init__(self, constraints: Constraints) -> None:
        self._items = frozenset((*constraints.banned_items, *(rule.item for rule in constraints.rules if rule.item)))
        self._banned = frozenset(map(category_key, constraints.banned_categories))
        self._limits = constraints.limits
        self._own_limits = [(category_key(r.category), r.limit) for r in constraints.rules if r.limit is not None]
        self._bans = [rule for rule in constraints.rules if rule.kind == "ban" and rule.category]
        self._wishes = [rule for rule in constraints.rules if rule.kind == "only"]
        only = (*constraints.only_categories, *(rule.category for rule in self._wishes))
        self._only = frozenset(map(category_key, only))
        self._is_free = not (self._banned or self._only or self._bans)
        self._needs_facts = bool(self._limits or constraints.rules)

    def fault(self, item: ItemId, categories: Iterable[str], attributes: NamedAttributes = ()) -> StatedFault | None:
        """Return the rule that an item of these categories and attributes breaks, whatever its facts; none if it breaks
        none.
        """
        if item in self._items:
            return "banned-item"
        if self._is_free:
            return None
        keys = frozenset(map(category_key, categories))
        if keys & self._banned:
            return "banned-category"
        for ban in self._bans:
            if category_key(ban.category) in keys and not _is_excepted(ban, item, keys, attributes):
                return "banned-category"
        if not self._only or keys & self._only:
            return None
        return None if any(_is_excepted(rule, item, keys, attributes) for rule in self._wishes) else "not-wanted"

    def limits_of(self, categories: Iterable[str]) -> tuple[Limit, ...]:
        """Return the limits that an item of these categories has to keep."""
        if not self._own_limits:
            return self._limits
        keys = frozenset(map(category_key, categories))
        return (*self._limits, *(limit for category, limit in self._own_limits if not category or category in keys))

    def allows(self, item: Item) -> bool:
        """Return whether the item breaks no rule and is known to keep within every limit."""
        known = known_of(item) if self._needs_facts else NOTHING_KNOWN
        if self.fault(item.item_id, item.categories, known.attributes) is not None:
            return False
        return all(keeps(known.facts.get(limit.fact), limit) for limit in self.limits_of(item.categories))


def keeps(value: float | None, limit: Limit) -> bool:
    """Return whether a fact of this value keeps the limit; what is not known keeps none.

    >>> keeps(9.5, Limit(fact="price", at_most=10.0)), keeps(None, Limit(fact="price", at_most=10.0))
    (True, False)
    """
    if value is None:
        return False
    return (limit.at_least is None or value >= limit.at_least) and (limit.at_most is None or value <= limit.at_most)


def is_of(excepted: Excepted, item: ItemId, categories: Collection[str], attributes: NamedAttributes) -> bool:
    """Return whether the exception is about an item of these categories, by their keys, and attributes.

    >>> is_of(Excepted(subject="attribute", attribute="cast", value="De Niro"), "i", (), [("cast", "Pacino|De Niro")])
    True
    """
    match excepted.subject:
        case "item":
            return excepted.value == item
        case "category":
            return category_key(excepted.value) in categories
        case "attribute":
            key = category_key(excepted.value)
            return any(name == excepted.attribute and key in names_in(value) for name, value in attributes)


def names_in(value: str) -> list[str]:
    """Return the keys of the names that a value of an attribute lists.

    >>> names_in("Pacino|De Niro")
    ['pacino', 'de niro']
    """
    return list(map(category_key, listed(value)))


def _is_excepted(rule: ConditionalRule, item: ItemId, categories: Collection[str], attributes: NamedAttributes) -> bool:
    return any(is_of(excepted, item, categories, attributes) for excepted in rule.exceptions)
