"""The table of event kinds: what each type of interaction means, one row per type.

Adding a type is a class in `schemas.interactions` and a row here: states, statistics, memories, learning, evaluation
and the reading of files follow from the row. A type without a row fails `tests/unit/schemas/test_event_kinds.py`.
"""

from __future__ import annotations

from typing import Literal, TypeGuard

from msgspec import Struct

from schemas.interactions import (
    AddToCart,
    Click,
    Dislike,
    Dwell,
    Hide,
    Impression,
    Interaction,
    ItemEvent,
    Like,
    Look,
    Purchase,
    Rating,
    Review,
    Search,
    Skip,
    View,
)

RewardRule = Literal["relative-rating", "dwell-time"]
"""How a reward follows from a value of the event; `features.implicit_feedback.reward` computes it."""


class EventKind(Struct, frozen=True, kw_only=True):
    """What one type of interaction means.

    - `weight`: the implicit-feedback weight with which popularity, co-visits and examples count it (a quantity
      multiplies it); 0: not a choice.
    - `reward`: what it says of the user's preference for its item, in [-1, 1], or the rule that computes it.
    - `extends_skips`: whether it extends the run of skips that triggers a new plan; a choice ends the run.
    - `evidence`: what a memory takes from it: a statement, an inference, a weakening of what it believes, or nothing.
    - `hides`: whether its item is never shown to the user again.
    - `names`: what logs call it, beside the type itself; in lower case, with `-` between words.
    """

    weight: float = 0.0
    reward: float | RewardRule = 0.0
    extends_skips: bool = False
    evidence: Literal["stated", "inferred", "weakens", "none"] = "none"
    hides: bool = False
    names: tuple[str, ...] = ()


KINDS: dict[type[Interaction] | type[ItemEvent], EventKind] = {
    Impression: EventKind(),
    View: EventKind(
        weight=0.5,
        reward=0.3,
        evidence="inferred",
        names=(
            "listen",
            "pageview",
            "page-view",
            "play",
            "watch",
            "viewed",
            "view-item",
            "product-viewed",
        ),
    ),
    Click: EventKind(
        weight=1.0,
        reward=0.5,
        evidence="inferred",
        names=("clicked", "select-item", "product-clicked"),
    ),
    Dwell: EventKind(reward="dwell-time", evidence="inferred"),
    Rating: EventKind(weight=1.0, reward="relative-rating", evidence="inferred", names=("rate",)),
    AddToCart: EventKind(
        weight=1.0,
        reward=0.8,
        evidence="inferred",
        names=("addtocart", "cart", "product-added"),
    ),
    Purchase: EventKind(
        weight=1.0,
        reward=1.0,
        evidence="inferred",
        names=("buy", "bought", "order", "purchased", "transaction", "order-completed"),
    ),
    Like: EventKind(
        weight=1.0,
        reward=1.0,
        evidence="stated",
        names=("bookmark", "favorite", "favourite", "follow"),
    ),
    Dislike: EventKind(reward=-1.0, extends_skips=True, evidence="stated"),
    Hide: EventKind(reward=-1.0, extends_skips=True, evidence="stated", hides=True),
    Skip: EventKind(reward=-0.2, extends_skips=True, evidence="weakens"),
    Search: EventKind(),
    Look: EventKind(),
    Review: EventKind(weight=1.0, reward="relative-rating", evidence="inferred", names=("comment",)),
}


def kind_of(event: Interaction | ItemEvent) -> EventKind:
    """Return the row of the event's type."""
    return KINDS[type(event)]


def is_choice(event: Interaction) -> TypeGuard[ItemEvent]:
    """Return whether the event is a choice: what popularity counts, what co-visits, and what lists are evaluated on.

    >>> is_choice(Click(event_id="e", user_id="u", event_time=1e9, item_id="i"))
    True
    """
    return kind_of(event).weight > 0.0


def type_name(event_type: type[Interaction] | type[ItemEvent]) -> str:
    """Return the value of the event's `type` field.

    >>> type_name(AddToCart)
    'add-to-cart'
    """
    return str(event_type.__struct_config__.tag)
