"""What a user showed or asked for, as a vector: the `perceived-events` topic, written by the perceiver alone."""

from __future__ import annotations

from typing import Literal

from schemas.bounds import Amount
from schemas.ids import EventKey, ItemKey, Time, UserKey
from schemas.item_perceptions import Embedding
from schemas.record import Record


class PerceivedEvent(Record, frozen=True, kw_only=True):
    """The meaning of one interaction: `event_id` is that of the interaction, `event_time` when it happened.

    It counts until `until` (event time). A review has the value that it gave its item, if any.
    """

    event_id: EventKey
    user_id: UserKey
    event_time: Time
    until: Time
    kind: Literal["look", "search", "review"]
    embedding: Embedding
    item_id: ItemKey | None = None
    value: Amount | None = None
