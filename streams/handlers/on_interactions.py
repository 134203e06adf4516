"""`interactions`: a person did something. Examine the list of just before, fold, remember, re-plan, count the item."""

from __future__ import annotations

from msgspec.structs import replace

from agents.agent_state import apply_event
from agents.preferences import preferences_of
from features.implicit_feedback import feedback_weight
from features.list_outcome import mature
from features.user_segment import user_segment
from features.user_state import UserState, fold, has_seen
from inference.query import Query
from schemas.event_kinds import is_choice
from schemas.ids import ItemId, message_id
from schemas.interactions import Interaction, ItemEvent, Rating
from schemas.ranking_log import ListOutcome as ShownOutcome
from schemas.statistics import ItemDelta
from schemas.topics import ITEM_DELTAS, RANKING_LOG
from streams.handlers.deps import Deps
from streams.log.records import Message, Source
from streams.outcomes.agent_messages import agent_messages
from streams.outcomes.record_outcome import PrequentialQuery, RecordOutcome
from streams.state.user_record import UserRecord
from streams.worker.list_outcomes import outcome_message

BEFORE = 24
"""How many earlier items of the person an item's delta names."""


def on_interaction(person: UserRecord, event: Interaction, source: Source, deps: Deps) -> RecordOutcome:
    """Apply one interaction.

    1. an application's duplicate changes nothing but the person's version
    2. examine: rank as of just before the choice (test, then train)
    3. fold the event; slates that have matured go to the ranking log, late clicks to correct them
    4. the agent lives through it: memories, triggers, plan
    5. the item's owner is told
    """
    if has_seen(person.user, event.event_id):
        return RecordOutcome(person=replace(person, version=person.version + 1), list_due=False)
    prequential = _prequential_query(person, event, source, deps)
    user, matured = mature(fold(person.user, event))
    lived = apply_event(
        person.agent,
        person.user,
        user,
        event,
        _categories(event, deps),
        event_source_id=message_id(source.topic, source.partition, source.offset, "plan"),
    )
    return RecordOutcome(
        person=UserRecord(user=user, agent=lived.agent, version=person.version + 1),
        messages=(
            *agent_messages(lived),
            *(outcome_message(user, slate) for slate in matured),
            *_late_click(person.user, event, source),
            *_delta(person.user, event, source),
        ),
        prequential=prequential,
        cause=event.event_id,
        suppressed=lived.suppressed,
    )


def _categories(event: Interaction, deps: Deps) -> tuple[str, ...]:
    item = getattr(event, "item_id", None)
    return deps.table.categories(item) if item else ()


def _prequential_query(person: UserRecord, event: Interaction, source: Source, deps: Deps) -> PrequentialQuery | None:
    if not is_choice(event) or not _is_prequential_query(source, deps.options.prequential_rate):
        return None
    query = Query(
        user=person.user,
        now=max(event.event_time, person.user.last_at),
        plan=person.plan,
        preferences=preferences_of(person.plan, person.agent.memories),
        context=event.context,
        session_id=event.session_id,
        locale=event.context.locale or person.user.locale,
        target=event.item_id,
    )
    entry = message_id(source.topic, source.partition, source.offset, "choice")
    return PrequentialQuery(query, event, entry, event.item_id in person.user.user_item_statistics)


def _is_prequential_query(source: Source, rate: float) -> bool:
    """A fixed share of the records, the same ones on every replay."""
    return rate >= 1.0 or (source.offset * 2_654_435_761 + source.partition) % 1_000 < rate * 1_000


def _late_click(before: UserState, event: Interaction, source: Source) -> tuple[Message, ...]:
    """The correction that a choice makes to a list that is not open: matured, or not known to be shown yet."""
    if not is_choice(event) or event.list_id is None:
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


def _delta(before: UserState, event: Interaction, source: Source) -> tuple[Message, ...]:
    """The contribution of a choice to its item; nothing for other events."""
    if not is_choice(event):
        return ()
    delta = ItemDelta(
        item_id=event.item_id,
        source=source.name,
        offset=source.offset,
        event_time=event.event_time,
        weight=feedback_weight(event),
        value=event.value if isinstance(event, Rating) else None,
        before=_earlier(before, event),
        segment=user_segment(before, event.event_time, event.session_id),
    )
    return (Message(ITEM_DELTAS, event.item_id, delta),)


def _earlier(state: UserState, event: ItemEvent) -> tuple[tuple[ItemId, float], ...]:
    """The person's earlier items, newest first, each once, with the seconds since."""
    found: dict[ItemId, float] = {}
    for entry in reversed(state.recent):
        if entry.feedback_weight > 0 and entry.at <= event.event_time and entry.item_id != event.item_id:
            found.setdefault(entry.item_id, event.event_time - entry.at)
            if len(found) == BEFORE:
                break
    return tuple(found.items())
