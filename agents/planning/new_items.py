"""New items that fit a user strongly: what the trigger `new-item` reads, and the plan that it makes.

An item is new to a user if it became available (`Item.available_from`) after their plan was made, and by the event that
is applied. Both are event times, so that a plan follows from the log and the catalogue alone, whenever either was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from agents.memory.record import AGAINST, confidence, is_active, weight
from features.item_rules import ItemRules
from features.recurring_times import in_force
from features.user_state import UserState
from schemas.ids import ItemId, category_key
from schemas.memories import Memory
from schemas.plans import Constraints, Limit

NEW_ITEMS_READ = 16
"""How many items are looked at per event: of those that are new to the user, the newest."""
STRONG_CONFIDENCE = 0.5
"""The user's strongest belief is at least this sure, else no item fits strongly."""

Keeps = Callable[[ItemId, Iterable[Limit]], bool]
"""Whether an item is known to keep within limits."""
Trait = tuple[str, str]
"""An attribute and its value; the attribute of a category is empty, and its value the category's key."""


class NewItem(Struct, frozen=True):
    """An item that has become available, with its categories and its attributes that are names."""

    item_id: ItemId
    categories: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


def strong_fit(
    items: Iterable[NewItem], memories: Iterable[Memory], constraints: Constraints, state: UserState, keeps: Keeps
) -> NewItem | None:
    """Return the item that fits the user best if it fits strongly: what they are believed to like of it weighs as much
    as their strongest belief about a category, that belief is sure, and nothing speaks against the item.

    An item that they know or hide, or that breaks a rule or limit of theirs now, does not fit.

    >>> from schemas.ids import UserId
    >>> new, state = NewItem(ItemId("i1"), ("jazz",)), UserState(user_id=UserId("u"))
    >>> strong_fit((new,), (), Constraints(), state, lambda item, limits: True)
    """
    new = [item for item in items if item.item_id not in state.user_item_statistics]
    if not new:
        return None
    now = state.last_at
    about = [memory for memory in memories if _is_about_traits(memory)]
    of_categories = [memory for memory in about if memory.subject == "category" and memory.predicate not in AGAINST]
    strongest = max(of_categories, key=lambda memory: (weight(memory, now), memory.memory_id), default=None)
    if strongest is None or confidence(strongest, now) < STRONG_CONFIDENCE:
        return None
    weights: dict[Trait, float] = {}
    for memory in about:
        weights[_trait_of(memory)] = weights.get(_trait_of(memory), 0.0) + weight(memory, now)
    rules, needed = ItemRules(in_force(constraints, now)), weight(strongest, now)
    fits = [
        (_fit(item, weights), item.item_id, item)
        for item in new
        if item.item_id not in state.hidden and _is_allowed(item, rules, keeps)
    ]
    best = max(fits, default=None)
    return best[2] if best is not None and best[0] >= needed else None


def _is_allowed(item: NewItem, rules: ItemRules, keeps: Keeps) -> bool:
    if rules.fault(item.item_id, item.categories, item.attributes) is not None:
        return False
    limits = rules.limits_of(item.categories)
    return not limits or keeps(item.item_id, limits)


def _fit(item: NewItem, weights: Mapping[Trait, float]) -> float:
    """Return what beliefs about the item's categories and attributes weigh together; 0 if one speaks against it."""
    traits = [*(("", category_key(name)) for name in item.categories), *item.attributes]
    own = [weights[trait] for trait in dict.fromkeys(traits) if trait in weights]
    return 0.0 if any(each < 0.0 for each in own) else sum(own)


def _is_about_traits(memory: Memory) -> bool:
    """Return whether the memory is an undisputed belief about a category or an attribute, whatever the context."""
    about = memory.subject == "category" or (memory.subject == "attribute" and not memory.context)
    return about and not memory.parts and is_active(memory)


def _trait_of(memory: Memory) -> Trait:
    return ("", category_key(memory.value)) if memory.subject == "category" else (memory.attribute, memory.value)
