"""Names of things, and the one way to name a message.

Ids are strings given by the applications; the types keep a user from being passed where an item is meant.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, NewType

from msgspec import Meta

from schemas.bounds import FARTHEST, ID_LENGTH, NAME_LENGTH, NOT_RESERVED, PRINTABLE

UserId = NewType("UserId", str)
ItemId = NewType("ItemId", str)
EventId = NewType("EventId", str)
ListId = NewType("ListId", str)
PlanId = NewType("PlanId", str)
MemoryId = NewType("MemoryId", str)

DEFAULT_USER = UserId("@default")
"""Whose list people get that were never seen. No person has an id that begins with it."""

_Id = Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)
UserKey = Annotated[UserId, Meta(min_length=1, max_length=ID_LENGTH, pattern=NOT_RESERVED)]
AnyUser = Annotated[UserId, _Id]
"""A person, or `@default`."""
ItemKey = Annotated[ItemId, _Id]
BareItem = Annotated[ItemId, Meta(min_length=1, max_length=ID_LENGTH)]
"""An item in our own messages, which hold hundreds: characters were checked where the item came in."""
EventKey = Annotated[EventId, _Id]
ListKey = Annotated[ListId, _Id]
PlanKey = Annotated[PlanId, _Id]
MemoryKey = Annotated[MemoryId, _Id]
Category = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, pattern=PRINTABLE)]
Time = Annotated[
    float,
    Meta(ge=-FARTHEST, le=FARTHEST, description="seconds since 1970-01-01T00:00:00Z, fractions allowed"),
]


@lru_cache(maxsize=65_536)
def category_key(name: str) -> str:
    """What two spellings of one category have in common: case, Unicode form and spacing make no difference.

    >>> category_key(" Sci-Fi"), category_key("SCI-FI") == category_key("sci-fi ")
    ('sci-fi', True)
    """
    # Folding may part letters from their marks again, so the form is made twice (Unicode 3.13, D146).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def message_id(topic: str, partition: int, offset: int, kind: str) -> str:
    """The id of the message of this kind that this input record causes: the same whenever it is made again.

    >>> message_id("interactions", 3, 812, "list") == message_id("interactions", 3, 812, "list")
    True
    >>> message_id("interactions", 3, 812, "list") == message_id("interactions", 3, 813, "list")
    False
    """
    return blake2b(f"{topic}|{partition}|{offset}|{kind}".encode(), digest_size=12).hexdigest()
