"""What a published record changes in the gateway's materialised view."""

from __future__ import annotations

from math import inf

from msgspec import Struct

from schemas.ids import ItemId

ALWAYS = (-inf, inf)
"""The window of an item that may be shown at any time."""


class ListUpdate(Struct, frozen=True):
    """A user's newest list as bytes, none if it is deleted.

    `lag` is by how many seconds the stream is behind wall time, where the list tells: the non-personalised one does.
    """

    user_id: str
    value: bytes | None
    lag: float | None = None


class ItemUpdate(Struct, frozen=True):
    """A catalogue entry as bytes, none if the item is withdrawn, and the event times between which it may be shown."""

    item_id: ItemId
    value: bytes | None
    window: tuple[float, float] = ALWAYS


ViewUpdate = ListUpdate | ItemUpdate
