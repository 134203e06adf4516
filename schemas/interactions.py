"""What people do: the `interactions` topic, a union told apart by `type`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import Amount, Count, Label, Name, NonNegative
from schemas.ids import EventKey, ItemKey, ListKey, Time, UserKey
from schemas.record import Record


class Context(Record, frozen=True, kw_only=True):
    """Where and on what it happened: the environment's context, C in the formal model."""

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


class View(_Event, frozen=True, kw_only=True, tag="view"):
    """An item's page was opened or the item was played."""

    item_id: ItemKey


class Click(_Event, frozen=True, kw_only=True, tag="click"):
    """An item was clicked."""

    item_id: ItemKey


class Dwell(_Event, frozen=True, kw_only=True, tag="dwell"):
    """Time was spent on an item."""

    item_id: ItemKey
    seconds: Count


class Rating(_Event, frozen=True, kw_only=True, tag="rating"):
    """An item was given a value, on whatever scale the application has: it is read against the person's own mean."""

    item_id: ItemKey
    value: Amount


class AddToCart(_Event, frozen=True, kw_only=True, tag="add-to-cart"):
    """An item was put into the basket."""

    item_id: ItemKey
    quantity: Count = 1.0


class Purchase(_Event, frozen=True, kw_only=True, tag="purchase"):
    """An item was bought; lines of one order share a `basket_id`."""

    item_id: ItemKey
    quantity: Count = 1.0
    price: NonNegative | None = None
    basket_id: Label = ""


class Like(_Event, frozen=True, kw_only=True, tag="like"):
    """An item was liked."""

    item_id: ItemKey


class Dislike(_Event, frozen=True, kw_only=True, tag="dislike"):
    """An item was disliked."""

    item_id: ItemKey


class Hide(_Event, frozen=True, kw_only=True, tag="hide"):
    """An item was sent away: it is not shown to this person again."""

    item_id: ItemKey


class Skip(_Event, frozen=True, kw_only=True, tag="skip"):
    """An item that was shown was passed over."""

    item_id: ItemKey


class Search(_Event, frozen=True, kw_only=True, tag="search"):
    """Something was searched for in words."""

    query: Annotated[str, Meta(min_length=1, max_length=1_000)]


Consumption = View | Click | Rating | AddToCart | Purchase | Like
"""An item was chosen: what popularity counts, what co-visits, and what a list is judged by."""

Interaction = Impression | View | Click | Dwell | Rating | AddToCart | Purchase | Like | Dislike | Hide | Skip | Search
