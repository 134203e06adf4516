"""What a user's agent hands to the ranker: bans, weights and liked values, as numbers.

`agents.preferences` computes them, once per ranking; `inference` reads them as they are. Neither imports the other, so
the value type is defined here.
"""

from __future__ import annotations

from msgspec import Struct

from schemas.ids import ItemId
from schemas.plans import ConditionalRule, Limit

CategoryWeights = tuple[tuple[str, float], ...]
"""Categories with signed weights. A category may be named more than once: its weights add up, in this order."""
ItemWeights = tuple[tuple[ItemId, float], ...]
"""The same for items."""


class AgentPreferences(Struct, frozen=True, kw_only=True):
    """A user's plan and active memories as numbers; `AgentPreferences()` is those of a user without any.

    Items and categories that are banned never enter a list, nor items beyond the `limits`, nor those of other
    categories where there are `only_categories`, nor what breaks one of the `rules`. `intent_weights` is how much of
    the plan's attention a category gets, times how sure the plan is. `category_weights` and `item_weights` are what
    memories say, negative for what is disliked. `liked_items` and `liked_categories` are what memories speak for,
    strongest first.

    >>> AgentPreferences(intent_weights=(("jazz", 0.5),)).is_weighted, AgentPreferences().is_weighted
    (True, False)
    """

    banned_items: tuple[ItemId, ...] = ()
    banned_categories: tuple[str, ...] = ()
    only_categories: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    rules: tuple[ConditionalRule, ...] = ()
    intent_weights: CategoryWeights = ()
    category_weights: CategoryWeights = ()
    item_weights: ItemWeights = ()
    liked_items: tuple[ItemId, ...] = ()
    liked_categories: tuple[str, ...] = ()

    @property
    def is_weighted(self) -> bool:
        """Whether any category or item has a weight."""
        return bool(self.intent_weights or self.category_weights or self.item_weights)
