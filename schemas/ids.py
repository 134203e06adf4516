"""Ids of users, items and messages, and the one way to derive the id of a message.

Ids are strings that applications choose; the types prevent passing a user where an item is expected.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, NewType

from msgspec import Meta

from schemas.bounds import ID_LENGTH, LARGEST_TIME, NAME_LENGTH, NOT_RESERVED, PRINTABLE

UserId = NewType("UserId", str)
ItemId = NewType("ItemId", str)
EventId = NewType("EventId", str)
ListId = NewType("ListId", str)
PlanId = NewType("PlanId", str)
MemoryId = NewType("MemoryId", str)

DEFAULT_USER = UserId("@default")
"""The reserved key of the non-personalised list, which unknown users get; `@default:<locale>` is that of a locale. No
user's id begins with it."""

_Id = Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)
UserKey = Annotated[UserId, Meta(min_length=1, max_length=ID_LENGTH, pattern=NOT_RESERVED)]
AnyUser = Annotated[UserId, _Id]
"""A user, or a reserved key (`DEFAULT_USER`)."""
ItemKey = Annotated[ItemId, _Id]
BareItem = Annotated[ItemId, Meta(min_length=1, max_length=ID_LENGTH)]
"""An item in messages that Lifelong writes, which hold hundreds: its characters were checked when it was decoded."""
EventKey = Annotated[EventId, _Id]
ListKey = Annotated[ListId, _Id]
MemoryKey = Annotated[MemoryId, _Id]
Category = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, pattern=PRINTABLE)]
Time = Annotated[
    float,
    Meta(ge=-LARGEST_TIME, le=LARGEST_TIME, description="seconds since 1970-01-01T00:00:00Z, fractions allowed"),
]


@lru_cache(maxsize=65_536)
def category_key(name: str) -> str:
    """Return what all spellings of one category share: case, Unicode form and spacing make no difference.

    >>> category_key(" Sci-Fi"), category_key("SCI-FI") == category_key("sci-fi ")
    ('sci-fi', True)
    """
    # Case folding may separate letters from their marks, so the form is normalised twice (Unicode 3.13, D146).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def message_id(topic: str, partition: int, offset: int, kind: str) -> str:
    """Return the id of the message of this kind that this input record causes: the same at every redelivery.

    >>> message_id("interactions", 3, 812, "list") == message_id("interactions", 3, 812, "list")
    True
    >>> message_id("interactions", 3, 812, "list") == message_id("interactions", 3, 813, "list")
    False
    """
    return blake2b(f"{topic}|{partition}|{offset}|{kind}".encode(), digest_size=12).hexdigest()
