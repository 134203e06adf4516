"""`interactions`: a user did something. Rank as of just before it, fold it, remember, re-plan, count the item."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.agent_state import apply_event
from agents.memory.extraction import Attributes
from features.contributions import contribution
from features.list_outcome import mature
from features.user_state import UserState, fold, has_seen
from schemas.codec import EARLIEST, decode
from schemas.errors import DecodeError
from schemas.event_kinds import is_choice, type_name
from schemas.ids import message_id
from schemas.interactions import Interaction, Look, Review, Search
from schemas.ranking_log import ListOutcome as ShownOutcome
from schemas.topics import INTERACTIONS, ITEM_DELTAS, RANKING_LOG
from streams.handlers.deps import CLOCK_SKEW_SECONDS, Deps
from streams.log.records import Inbound, Message, RecordSource
from streams.outcomes.agent_messages import agent_messages
from streams.outcomes.record_outcome import PrequentialQuery, RecordOutcome
from streams.outcomes.to_perceive import ToPerceive
from streams.state.user_record import UserRecord
from streams.worker.list_outcomes import outcome_messages


def on_interaction(record: UserRecord, event: Interaction, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Apply one interaction.

    1. a duplicate of an application raises the user's version and changes nothing else
    2. make a prequential query: rank as of just before the choice (test, then train)
    3. fold the event; matured slates go to the ranking log, and late clicks that correct them
    4. the agent applies the event: memories, triggers, plan
    5. the item's delta goes to the aggregator
    """
    if has_seen(record.user, event.event_id):
        return RecordOutcome(record=replace(record, version=record.version + 1), list_due=False)
    prequential = _prequential_query(record, event, source, deps)
    user, matured = mature(fold(record.user, event, counts=not source.is_ahead))
    step = apply_event(
        record.agent,
        record.user,
        user,
        event,
        *_known_of_item(event, deps),
        event_source_id=message_id(source.topic, source.partition, source.offset, "plan"),
        triggers=deps.options.triggers,
        catalogue=deps.catalogue,
    )
    return RecordOutcome(
        record=replace(record, user=user, agent=step.agent, version=record.version + 1),
        messages=(
            *agent_messages(step),
            *outcome_messages(user, matured),
            *_late_click(record.user, event, source),
            *_delta(record.user, event, source),
        ),
        prequential=prequential,
        cause=event.event_id,
        suppressed=step.suppressed,
    )


def _known_of_item(event: Interaction, deps: Deps) -> tuple[tuple[str, ...], Attributes]:
    """Return the categories and the attributes of the event's item."""
    item = getattr(event, "item_id", None)
    return (deps.table.categories(item), deps.table.attributes(item)) if item else ((), ())


def _prequential_query(
    record: UserRecord, event: Interaction, source: RecordSource, deps: Deps
) -> PrequentialQuery | None:
    if not is_choice(event) or record.user.quarantined:
        return None
    if not _is_prequential_query(source, deps.options.prequential_rate):
        return None
    entry = message_id(source.topic, source.partition, source.offset, "choice")
    return PrequentialQuery(record, event, entry)


def _is_prequential_query(source: RecordSource, rate: float) -> bool:
    """Return whether the record is in a fixed share of the records: the same records whenever the log is read."""
    return rate >= 1.0 or (source.offset * 2_654_435_761 + source.partition) % 1_000 < rate * 1_000


def _late_click(before: UserState, event: Interaction, source: RecordSource) -> tuple[Message, ...]:
    """Return the correction of a list that is not open when one of its items is chosen: matured, or not shown yet."""
    if not is_choice(event) or event.list_id is None or before.quarantined:
        return ()
    if any(slate.list_id == event.list_id for slate in before.shown):
        return ()
    entry = ShownOutcome(
        entry_id=message_id(source.topic, source.partition, source.offset, f"late/{event.list_id}"),
        user_id=event.user_id,
        event_time=event.event_time,
        list_id=event.list_id,
        shown=(),
        clicked=(event.item_id,),
        late=True,
    )
    return (Message(RANKING_LOG, event.user_id, entry),)


def _delta(before: UserState, event: Interaction, source: RecordSource) -> tuple[Message, ...]:
    """Return the contribution of a choice to its item's statistics; nothing for other events, and nothing of a choice
    that was dated ahead.
    """
    delta = None if source.is_ahead else contribution(before, event, source=source.name, offset=source.offset)
    return (Message(ITEM_DELTAS, delta.item_id, delta),) if delta else ()


class _Tagged(Struct):
    """An interaction, as far as its type."""

    type: str = ""


_TAG = msgspec.json.Decoder(_Tagged)
_PERCEIVED_TYPES = frozenset((type_name(Look), type_name(Search), type_name(Review)))


def perceive_interaction(record: Inbound, *, now: float) -> ToPerceive | None:
    """Return the picture or the words of a user that are to be encoded; none of other interactions, which are most and
    not even decoded.

    Raises:
        DecodeError: the record is no interaction. The worker that owns the user writes its dead letter.
    """
    try:
        tag = _TAG.decode(record.value or b"").type
    except msgspec.MsgspecError as exc:
        raise DecodeError("not-json", str(exc)) from exc
    if tag not in _PERCEIVED_TYPES:
        return None
    produced = record.timestamp if record.timestamp >= EARLIEST else now
    event = decode(INTERACTIONS, record.value, now=produced)
    is_ahead = event.event_time > produced + CLOCK_SKEW_SECONDS
    return ToPerceive(record=record, event=replace(event, event_time=produced) if is_ahead else event)
