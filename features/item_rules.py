"""Which items a user's statements allow: bans, categories that alone are wanted, and limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from features.item_facts import known_of
from schemas.ids import ItemId, category_key
from schemas.items import Item
from schemas.plans import Constraints, Limit

StatedFault = Literal["banned-item", "banned-category", "not-wanted"]


class ItemRules:
    """The rules of one user, worked out once for all items that are checked.

    >>> heat = Item(item_id="i1", title="Heat (1995)", categories=("Crime",))
    >>> ItemRules(Constraints()).allows(heat)
    True
    >>> ItemRules(Constraints(limits=(Limit(fact="year", at_most=1990.0),))).allows(heat)
    False
    >>> ItemRules(Constraints(banned_categories=("crime",))).fault("i1", heat.categories)
    'banned-category'
    """

    def __init__(self, constraints: Constraints) -> None:
        self._items = frozenset(constraints.banned_items)
        self._banned = frozenset(map(category_key, constraints.banned_categories))
        self._only = frozenset(map(category_key, constraints.only_categories))
        self._limits = constraints.limits

    def fault(self, item: ItemId, categories: Iterable[str]) -> StatedFault | None:
        """Return the rule that an item of these categories breaks, whatever its facts; none if it breaks none."""
        if item in self._items:
            return "banned-item"
        if not self._banned and not self._only:
            return None
        keys = frozenset(map(category_key, categories))
        if keys & self._banned:
            return "banned-category"
        return "not-wanted" if self._only and not keys & self._only else None

    def allows(self, item: Item) -> bool:
        """Return whether the item breaks no rule and is known to keep within every limit."""
        if self.fault(item.item_id, item.categories) is not None:
            return False
        facts = known_of(item).facts if self._limits else {}
        return all(keeps(facts.get(limit.fact), limit) for limit in self._limits)


def keeps(value: float | None, limit: Limit) -> bool:
    """Return whether a fact of this value keeps the limit; what is not known keeps none.

    >>> keeps(9.5, Limit(fact="price", at_most=10.0)), keeps(None, Limit(fact="price", at_most=10.0))
    (True, False)
    """
    if value is None:
        return False
    return (limit.at_least is None or value >= limit.at_least) and (limit.at_most is None or value <= limit.at_most)
