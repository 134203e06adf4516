"""What applying one record to one person comes to."""

from __future__ import annotations

from msgspec import Struct

from inference.query import Query
from schemas.ids import EventId
from schemas.interactions import ItemEvent
from streams.log.records import Message
from streams.state.user_record import UserRecord


class PrequentialQuery(Struct, frozen=True):
    """Rank as of just before this choice: test, then train."""

    query: Query
    event: ItemEvent
    entry_id: str
    seen_before: bool


class RecordOutcome(Struct, frozen=True, kw_only=True):
    """The person afterwards, what to publish, what to be examined on, and whether a list is due.

    `suppressed` are the triggers that had no budget left, `cause` is the event that a list would answer.
    """

    person: UserRecord
    messages: tuple[Message, ...] = ()
    prequential: PrequentialQuery | None = None
    cause: EventId | None = None
    list_due: bool = True
    at: float | None = None
    locale: str = ""
    suppressed: tuple[str, ...] = ()
