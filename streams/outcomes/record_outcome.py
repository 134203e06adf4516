"""The outcome of one record, applied to one user."""

from __future__ import annotations

from msgspec import Struct

from inference.query import Query
from schemas.ids import EventId
from schemas.interactions import ItemEvent
from streams.log.records import Message
from streams.state.user_record import UserRecord


class PrequentialQuery(Struct, frozen=True):
    """A query that ranks as of just before a choice (test, then train); `event` is the choice.

    `seen_before` says that the user has interacted with the chosen item before.
    """

    query: Query
    event: ItemEvent
    entry_id: str
    seen_before: bool


class RecordOutcome(Struct, frozen=True, kw_only=True):
    """The user record after one record, what to publish, a prequential query if any, and whether a list is due.

    `cause` is the event that the list answers, `at` the event time as of which it is ranked if not the user's own;
    `suppressed` are triggers of the agent that had no budget left.
    """

    record: UserRecord
    messages: tuple[Message, ...] = ()
    prequential: PrequentialQuery | None = None
    cause: EventId | None = None
    list_due: bool = True
    at: float | None = None
    locale: str = ""
    suppressed: tuple[str, ...] = ()
