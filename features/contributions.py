"""Contributions: what one choice of a user adds to the statistics of its item, which all users share."""

from __future__ import annotations

from features.account_weight import account_weight, counted_weight
from features.implicit_feedback import given_value
from features.user_segment import user_segment
from features.user_state import UserState
from schemas.event_kinds import is_choice
from schemas.ids import ItemId
from schemas.interactions import Interaction, ItemEvent
from schemas.statistics import ItemDelta

EARLIER_ITEMS_LIMIT = 24
"""How many earlier items of the user an item's delta names."""


def contribution(before: UserState, event: Interaction, *, source: str, offset: int) -> ItemDelta | None:
    """Return the contribution of a choice by a user who was in state `before`; none of any other event.

    >>> from schemas.interactions import Click
    >>> click = Click(event_id="e", user_id="u", event_time=1e9, item_id="i")
    >>> delta = contribution(UserState(user_id="u"), click, source="interactions-0", offset=7)
    >>> delta.offset, delta.segment, delta.counted
    (7, 'new', 0.0)
    """
    if not is_choice(event):
        return None
    own = before.user_item_statistics.get(event.item_id)
    counted = own.counted if own and own.count else 0.0
    return ItemDelta(
        item_id=event.item_id,
        source=source,
        offset=offset,
        event_time=event.event_time,
        weight=counted_weight(event),
        account=account_weight(before),
        value=None if own and own.valued else given_value(event),
        before=_earlier(before, event),
        segment=user_segment(before, event.event_time, event.session_id),
        withheld=before.quarantined,
        counted=counted,
        since=event.event_time - (own.counted_at or own.last_at) if own and counted else 0.0,
        user_id=before.user_id,
    )


def _earlier(state: UserState, event: ItemEvent) -> tuple[tuple[ItemId, float], ...]:
    """Return the user's earlier items, newest first, each once, with the seconds since.

    An item that the user chose several times in the session stands where they chose it first: choosing it again between
    any two others does not bring it next to all of them.
    """
    seconds_since: dict[ItemId, float] = {}
    for entry in reversed(state.recent):
        if entry.feedback_weight <= 0 or entry.at > event.event_time or entry.item_id == event.item_id:
            continue
        if entry.at >= state.session.began_at:
            seconds_since.pop(entry.item_id, None)
        seconds_since.setdefault(entry.item_id, event.event_time - entry.at)
        if len(seconds_since) == EARLIER_ITEMS_LIMIT:
            break
    return tuple(seconds_since.items())
