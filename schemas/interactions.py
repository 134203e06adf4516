"""What users do: the `interactions` topic, a union of types told apart by `type`.

What each type means (its weight, its reward, …) is a row of `schemas.event_kinds`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import PICTURE_URI_LENGTH, REVIEW_LENGTH, TEXT_LENGTH, Amount, Count, Label, Name, NonNegative
from schemas.ids import EventKey, ItemKey, ListKey, Time, UserKey
from schemas.record import Record


class Context(Record, frozen=True, kw_only=True):
    """Where, on what device and in which language it happened: the environment's context, C in the formal model."""

    surface: Name = "home"
    device: Name = ""
    place: Name = ""
    locale: Name = ""


class _Event(Record, frozen=True, kw_only=True, tag_field="type"):
    event_id: EventKey
    user_id: UserKey
    event_time: Time
    session_id: Label = ""
    context: Context = Context()
    list_id: ListKey | None = None


class Impression(_Event, frozen=True, kw_only=True, tag="impression"):
    """A slate was shown, its items in order from the top."""

    items: Annotated[tuple[ItemKey, ...], Meta(min_length=1, max_length=200)]


class ItemEvent(_Event, frozen=True, kw_only=True):
    """Anything that a user does with one item."""

    item_id: ItemKey


class QuantityEvent(ItemEvent, frozen=True, kw_only=True):
    """Anything that a user does with several pieces of an item, or by its weight: the quantity weighs."""

    quantity: Count = 1.0


class View(ItemEvent, frozen=True, kw_only=True, tag="view"):
    """An item's page was opened or the item was played."""


class Click(ItemEvent, frozen=True, kw_only=True, tag="click"):
    """An item was clicked."""


class Dwell(ItemEvent, frozen=True, kw_only=True, tag="dwell"):
    """Time was spent on an item."""

    seconds: Count


class Rating(ItemEvent, frozen=True, kw_only=True, tag="rating"):
    """An item was given a value, on whatever scale the application has: it is read against the user's own mean."""

    value: Amount


class AddToCart(QuantityEvent, frozen=True, kw_only=True, tag="add-to-cart"):
    """An item was put into the basket."""


class Purchase(QuantityEvent, frozen=True, kw_only=True, tag="purchase"):
    """An item was bought; lines of one order share a `basket_id`."""

    price: NonNegative | None = None
    basket_id: Label = ""


class Like(ItemEvent, frozen=True, kw_only=True, tag="like"):
    """An item was liked."""


class Dislike(ItemEvent, frozen=True, kw_only=True, tag="dislike"):
    """An item was disliked."""


class Hide(ItemEvent, frozen=True, kw_only=True, tag="hide"):
    """An item was hidden by the user: it is not shown to them again."""


class Skip(ItemEvent, frozen=True, kw_only=True, tag="skip"):
    """An item that was shown was passed over."""


class Search(_Event, frozen=True, kw_only=True, tag="search"):
    """Something was searched for in words."""

    query: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]


class Look(_Event, frozen=True, kw_only=True, tag="look"):
    """A picture was shown by the user ("something like this"): as a `data:` URI with its bytes, or by its address."""

    image: Annotated[str, Meta(min_length=1, max_length=PICTURE_URI_LENGTH, description="URI")]


class Review(ItemEvent, frozen=True, kw_only=True, tag="review"):
    """An item was written about, by somebody who knows it; with a value it says as much as a rating."""

    text: Annotated[str, Meta(min_length=1, max_length=REVIEW_LENGTH)]
    value: Amount | None = None


Interaction = (
    Impression
    | View
    | Click
    | Dwell
    | Rating
    | AddToCart
    | Purchase
    | Like
    | Dislike
    | Hide
    | Skip
    | Search
    | Look
    | Review
)
