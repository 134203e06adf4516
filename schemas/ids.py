"""Names of things, and the one way to name a message.

Ids are strings given by the applications; the types keep a user from being passed where an item is meant.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, NewType

from msgspec import Meta

UserId = NewType("UserId", str)
ItemId = NewType("ItemId", str)
EventId = NewType("EventId", str)
ListId = NewType("ListId", str)
PlanId = NewType("PlanId", str)
MemoryId = NewType("MemoryId", str)

DEFAULT_USER = UserId("@default")
"""Whose list people get that were never seen."""

_Id = Meta(min_length=1, max_length=256)
UserKey = Annotated[UserId, _Id]
ItemKey = Annotated[ItemId, _Id]
EventKey = Annotated[EventId, _Id]
Category = Annotated[str, Meta(min_length=1, max_length=128)]
Time = Annotated[float, Meta(description="seconds since 1970-01-01T00:00:00Z, fractions allowed")]


def message_id(topic: str, partition: int, offset: int, kind: str) -> str:
    """The id of the message of this kind that this input record causes: the same whenever it is made again.

    >>> message_id("interactions", 3, 812, "list") == message_id("interactions", 3, 812, "list")
    True
    >>> message_id("interactions", 3, 812, "list") == message_id("interactions", 3, 813, "list")
    False
    """
    return blake2b(f"{topic}|{partition}|{offset}|{kind}".encode(), digest_size=12).hexdigest()
