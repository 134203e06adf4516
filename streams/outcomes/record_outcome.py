"""The outcome of one record, applied to one user."""

from __future__ import annotations

from msgspec import Struct

from inference.query import Query
from schemas.ids import EventId
from schemas.interactions import ItemEvent
from schemas.offers import Occasion
from schemas.recommendations import RankRequest
from schemas.replies import Reply
from streams.log.records import Message
from streams.state.user_record import UserRecord


class PrequentialQuery(Struct, frozen=True):
    """A query that ranks as of just before a choice (test, then train): `record` is of then, `event` is the choice."""

    record: UserRecord
    event: ItemEvent
    entry_id: str

    @property
    def seen_before(self) -> bool:
        """Return whether the user had interacted with the chosen item before."""
        return self.event.item_id in self.record.user.user_item_statistics

    def query(self) -> Query:
        """Build the query: only for those that are ranked, as a batch may hold many more."""
        user, event = self.record.user, self.event
        now = max(event.event_time, user.last_at)
        return Query(
            user=user,
            now=now,
            plan=self.record.plan,
            preferences=self.record.preferences_at(now),
            context=event.context,
            session_id=event.session_id,
            locale=event.context.locale or user.locale,
            target=event.item_id,
        )


class RecordOutcome(Struct, frozen=True, kw_only=True):
    """The user record after one record, what to publish, a prequential query if any, and whether a list is due.

    `cause` is the event that the list answers, `at` the event time as of which it is ranked if not the user's own,
    `request` what a rank request asks for, `reply` what words were understood as;
    `suppressed` are triggers of the agent that had no budget left; `occasion` is one on which an offer is to be made.
    """

    record: UserRecord
    messages: tuple[Message, ...] = ()
    prequential: PrequentialQuery | None = None
    cause: EventId | None = None
    list_due: bool = True
    at: float | None = None
    request: RankRequest | None = None
    suppressed: tuple[str, ...] = ()
    reply: Reply | None = None
    occasion: Occasion | None = None
