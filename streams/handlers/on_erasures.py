"""`erasures`: a user is to be erased. The owner of the user does it; all other copies follow from the ranking log.

The owner withdraws the user's list and memories, each on its own topic, behind all earlier ones. The entry of the
ranking log comes after everything that was ranked for the user, in the order of one partition: the trainer drops what
it keeps of them, and the projector removes their rows from Feast, and from `memories` what had ended.
"""

from __future__ import annotations

from features.user_state import UserState
from schemas.erasures import Erasure
from schemas.ids import message_id
from schemas.ranking_log import ErasureEntry
from schemas.topics import ERASURES, QUARANTINES, RANK_REQUESTS, RANKING_LOG, RECOMMENDATIONS
from streams.handlers.deps import Deps
from streams.log.records import Message, RecordSource
from streams.outcomes.agent_messages import memory_message
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord

ABOUT_NO_EVENT = frozenset({ERASURES, QUARANTINES, RANK_REQUESTS})
"""Topics whose records say nothing of what a user did: they are accepted whenever they were made."""


def on_erasure(record: UserRecord, erasure: Erasure, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Erase the user: what is left is an erasure marker, an operator's decision about the account, and the version, so
    that later lists are newer than earlier ones. No list is due, and the newest one is withdrawn.

    The marker covers all that was known by then. An erasure that it covers already is a second copy: nothing changes.
    """
    if erasure.event_time <= record.erased_at:
        return RecordOutcome(record=record, list_due=False)
    erased_at = max(erasure.event_time, record.user.last_at)
    user = UserState(user_id=erasure.user_id, quarantined=record.user.quarantined)
    entry = ErasureEntry(
        entry_id=message_id(source.topic, source.partition, source.offset, "erasure"),
        user_id=erasure.user_id,
        event_time=erased_at,
    )
    known = (*record.agent.memories, *record.agent.dormant)
    messages = (
        Message(RECOMMENDATIONS, erasure.user_id, None),
        *(memory_message(memory, is_withdrawn=True) for memory in known),
        Message(RANKING_LOG, erasure.user_id, entry),
    )
    after = UserRecord(user=user, version=record.version + 1, erased_at=erased_at)
    return RecordOutcome(record=after, messages=messages, list_due=False)


def is_erased(record: UserRecord, topic: str, event_time: float) -> bool:
    """Return whether a record of this topic and event time is about what the user did before they were erased.

    >>> from schemas.ids import UserId
    >>> from streams.state.user_record import new_user
    >>> is_erased(new_user(UserId("ann")), "interactions", 1_000_000_000.0)
    False
    """
    return event_time <= record.erased_at and topic not in ABOUT_NO_EVENT
