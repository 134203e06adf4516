"""What operators decide about accounts: the `quarantines` topic. The newest decision about a user holds."""

from __future__ import annotations

from schemas.bounds import Label
from schemas.ids import EventKey, Time, UserKey
from schemas.record import Record


class Quarantine(Record, frozen=True, kw_only=True):
    """A decision about an account: its choices count in no statistics and teach no model, until it is `lifted`.

    The user is served as before. What the account did before counts until a rebuild; after a lift and a rebuild all of
    it counts again.
    """

    event_id: EventKey
    user_id: UserKey
    event_time: Time
    lifted: bool = False
    reason: Label = ""
