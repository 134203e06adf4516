"""That a user is to be erased: the `erasures` topic, keyed by user."""

from __future__ import annotations

from schemas.ids import EventKey, Time, UserKey
from schemas.record import Record


class Erasure(Record, frozen=True, kw_only=True):
    """A request to erase a user: all that is stored of them is removed, and what they did up to `event_time` is refused
    from then on, however late it arrives. What they do afterwards begins a new history.

    `event_id` is the id of the request.
    """

    event_id: EventKey
    user_id: UserKey
    event_time: Time
