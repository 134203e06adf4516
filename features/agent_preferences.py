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


class NextStep(Struct, frozen=True, kw_only=True):
    """The next step of a goal that the user pursues, the `number`th of `of`: an item of `items`, or of a `category`.

    With a `fact`, it is the item in which that is least and at least `at_least`; where there is none, in which it is
    least.
    """

    goal: str
    number: int
    of: int
    items: tuple[ItemId, ...] = ()
    category: str = ""
    fact: str = ""
    at_least: float | None = None

    @property
    def text(self) -> str:
        """Return the reason for an item that is this step.

        >>> NextStep(goal="the trilogy", number=2, of=3).text
        'step 2 of 3 of the trilogy'
        """
        return f"step {self.number} of {self.of} of {self.goal}"


class AgentPreferences(Struct, frozen=True, kw_only=True):
    """A user's plan and active memories as numbers; `AgentPreferences()` is those of a user without any.

    Items and categories that are banned never enter a list, nor items beyond the `limits`, nor those of other
    categories where there are `only_categories`, nor what breaks one of the `rules`. `intent_weights` is how much of
    the plan's attention a category gets, times how sure the plan is. `category_weights` and `item_weights` are what
    memories say, negative for what is disliked. `liked_items` and `liked_categories` are what memories speak for,
    strongest first. Lists lead with the `next_steps`.

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
    next_steps: tuple[NextStep, ...] = ()
    liked_categories: tuple[str, ...] = ()

    @property
    def is_weighted(self) -> bool:
        """Whether any category or item has a weight."""
        return bool(self.intent_weights or self.category_weights or self.item_weights)
