"""A user's state: a fold of frozen values over their events.

Only facts about items are folded. What follows from an item's description (its categories, say) is worked out when it
is read, so that a corrected catalogue corrects every profile.
"""

from __future__ import annotations

from bisect import insort
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from features.account_weight import counted_weight
from features.decay import next_feature_time
from features.implicit_feedback import feedback_weight, given_value, reward
from features.intents import ShownIntent
from schemas.event_kinds import kind_of
from schemas.ids import EventId, ItemId, ListId, UserId
from schemas.interactions import Impression, Interaction, ItemEvent, Look, Search

RECENT = 64
ITEMS_KEPT = 2_000
EVENT_IDS = 256
OPEN_SLATES = 4
HIDDEN_KEPT = 500
SESSION_GAP = 1_800.0
"""Seconds without an event after which the next one begins a session (the field's usual half hour)."""


class Recent(Struct, frozen=True, array_like=True):
    """One choice or judgement of an item, in the list of recent choices: ordered by event time, ties by arrival.

    Clocks are coarse (the lines of an invoice share its minute), and what came directly before says most.
    """

    at: float
    event_id: EventId
    item_id: ItemId
    feedback_weight: float
    reward: float


class UserItemStatistics(Struct, frozen=True, array_like=True):
    """A user's interactions with one item.

    Of their choices that count in what users share, `counted` is the most that one weighed and `counted_at` the time of
    the last, 0 in states of earlier builds; `valued` says whether one gave a value.
    """

    first_at: float
    last_at: float
    count: int
    reward: float
    counted: float = 1.0
    counted_at: float = 0.0
    valued: bool = False


class UserSession(Struct, frozen=True, array_like=True):
    """The current session: when it began, its events, its number, the skips in a row, the application's id."""

    began_at: float = 0.0
    events: int = 0
    number: int = 0
    skips: int = 0
    session_id: str = ""


class OpenSlate(Struct, frozen=True, array_like=True):
    """A slate that was shown, with its items clicked and skipped so far."""

    list_id: ListId
    at: float
    items: tuple[ItemId, ...]
    clicked: tuple[ItemId, ...] = ()
    skipped: tuple[ItemId, ...] = ()


class UserState(Struct, frozen=True, kw_only=True, rename={"user_item_statistics": "touched"}):
    """A user's state, folded from their events. `version` counts the events that were applied, and `quarantined` says
    whether an operator keeps the account's choices out of everything that users share. `intents` are what they showed
    or asked for lately, newest first.
    """

    user_id: UserId
    version: int = 0
    choices: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    feature_time: float = 0.0
    event_ids: tuple[EventId, ...] = ()
    recent: tuple[Recent, ...] = ()
    user_item_statistics: dict[ItemId, UserItemStatistics] = {}
    hidden: tuple[ItemId, ...] = ()
    value_sum: float = 0.0
    value_count: int = 0
    gap_sum: float = 0.0
    repeats: int = 0
    session: UserSession = UserSession()
    locale: str = ""
    shown: tuple[OpenSlate, ...] = ()
    quarantined: bool = False
    intents: tuple[ShownIntent, ...] = ()

    @property
    def distinct_choices(self) -> int:
        """Return how many different items the user has chosen, as far as they are remembered."""
        return self.choices - self.repeats

    @property
    def mean_value(self) -> float | None:
        """Return the mean of the ratings given, None if there were none."""
        return self.value_sum / self.value_count if self.value_count else None


def has_seen(state: UserState, event_id: EventId) -> bool:
    """Return whether an event of this id is among the last applied ones: the application sent it twice."""
    return event_id in state.event_ids


def newest_choices(state: UserState, size: int) -> tuple[ItemId, ...]:
    """Return the newest chosen items, newest first, each once, at most `size`."""
    return tuple(dict.fromkeys(entry.item_id for entry in reversed(state.recent) if entry.feedback_weight > 0.0))[:size]


def fold(state: UserState, event: Interaction, *, counts: bool = True) -> UserState:
    """Return the state after one more event. An event that was applied before changes nothing.

    `counts` says whether the event counts in what users share; one that is dated ahead does not.

    >>> from schemas.interactions import Click
    >>> click = Click(event_id="e1", user_id="u1", event_time=1e9, item_id="i1")
    >>> once = fold(UserState(user_id="u1"), click)
    >>> once.choices, fold(once, click) is once
    (1, True)
    """
    if has_seen(state, event.event_id):
        return state
    state = _advance(state, event)
    match event:
        case Impression():
            return _show(state, event)
        case ItemEvent():
            return _fold_item_event(state, event, counts=counts)
        case Search() | Look():
            return state
        case _:
            assert_never(event)


def _advance(state: UserState, event: Interaction) -> UserState:
    """Update what every event updates: times, session, event ids. Late events move no time back."""
    at = event.event_time
    first = state.version == 0
    return replace(
        state,
        version=state.version + 1,
        first_at=at if first else min(state.first_at, at),
        last_at=at if first else max(state.last_at, at),
        feature_time=next_feature_time(state.feature_time, at),
        event_ids=(event.event_id, *state.event_ids[: EVENT_IDS - 1]),
        session=_next_session(state, at, event.session_id),
        locale=(event.context.locale or state.locale) if first or at >= state.last_at else state.locale,
    )


def _next_session(state: UserState, at: float, session_id: str) -> UserSession:
    session = state.session
    if begins_session(state, at, session_id):
        return UserSession(at, 1, session.number + 1, 0, session_id)
    known = session.session_id or (session_id if at >= state.last_at else "")
    return UserSession(session.began_at, session.events + 1, session.number, session.skips, known)


def begins_session(state: UserState, at: float, session_id: str = "") -> bool:
    """Return whether an event at `at` (event time) begins a session.

    Where the event and the session that goes on both carry the application's id, another id begins a session, and the
    same id continues it however long the silence; a late event begins none. Without ids, a gap of more than
    `SESSION_GAP` seconds does.

    >>> state = UserState(user_id="u1", version=1, last_at=100.0, session=UserSession(session_id="a"))
    >>> begins_session(state, 110.0, "b"), begins_session(state, 9_999.0, "a"), begins_session(state, 9_999.0)
    (True, False, True)
    """
    if not state.version:
        return True
    known = state.session.session_id
    if session_id and known:
        return session_id != known and at >= state.last_at
    return at > state.last_at + SESSION_GAP


def note(state: UserState, event_id: EventId, at: float) -> UserState:
    """Return the state after an event about no item, such as an instruction: it counts, and only once."""
    return replace(
        state,
        version=state.version + 1,
        first_at=at if state.version == 0 else min(state.first_at, at),
        last_at=max(state.last_at, at),
        feature_time=next_feature_time(state.feature_time, at),
        event_ids=(event_id, *state.event_ids[: EVENT_IDS - 1]),
    )


def _fold_item_event(state: UserState, event: ItemEvent, *, counts: bool) -> UserState:
    """Return the state after an event about one item, as the row of its type says."""
    kind, previous = kind_of(event), state.user_item_statistics.get(event.item_id)
    state = _add_feedback(state, event, counts=counts)
    if kind.weight > 0.0:
        state = _add_choice(state, event, previous)
    elif kind.extends_skips:
        state = _add_skip(state, event)
    return replace(state, hidden=(event.item_id, *state.hidden)[:HIDDEN_KEPT]) if kind.hides else state


def _add_choice(state: UserState, event: ItemEvent, previous: UserItemStatistics | None) -> UserState:
    """Count a choice of the item, which ends a run of skips; `previous` are its statistics before the event."""
    value = given_value(event)
    chosen_before = previous is not None and previous.count > 0
    repeat = previous is not None and chosen_before and event.event_time > previous.last_at
    return replace(
        state,
        choices=state.choices + 1,
        value_sum=state.value_sum + (value or 0.0),
        value_count=state.value_count + (value is not None),
        repeats=state.repeats + chosen_before,
        gap_sum=state.gap_sum + (event.event_time - previous.last_at if previous and repeat else 0.0),
        session=replace(state.session, skips=0),
        shown=_mark(state.shown, event.list_id, event.item_id, clicked=True),
    )


def _add_feedback(state: UserState, event: ItemEvent, *, counts: bool) -> UserState:
    """Add the event's weight and reward to the recent choices and to the user-item statistics."""
    liked = reward(event, state.mean_value)
    entry = Recent(event.event_time, event.event_id, event.item_id, feedback_weight(event), liked)
    recent = list(state.recent)
    insort(recent, entry, key=lambda known: known.at)
    user_item_statistics = dict(state.user_item_statistics)
    own = _touch(user_item_statistics.get(event.item_id), event, liked)
    user_item_statistics[event.item_id] = _count(own, event) if counts else own
    if len(user_item_statistics) > ITEMS_KEPT:
        del user_item_statistics[_least_telling(user_item_statistics)]
    return replace(state, recent=tuple(recent[-RECENT:]), user_item_statistics=user_item_statistics)


def _least_telling(known: dict[ItemId, UserItemStatistics]) -> ItemId:
    """Return the item to forget: one that was never chosen, if there is any, else the one of longest ago."""
    return min(known, key=lambda item: (known[item].count > 0, known[item].last_at, item))


def _touch(known: UserItemStatistics | None, event: ItemEvent, liked: float) -> UserItemStatistics:
    at, chosen = event.event_time, kind_of(event).weight > 0.0
    if known is None:
        return UserItemStatistics(at, at, int(chosen), liked, counted=0.0)
    return replace(
        known,
        first_at=min(known.first_at, at),
        last_at=max(known.last_at, at),
        count=known.count + chosen,
        reward=liked if at >= known.last_at else known.reward,
        counted=known.counted if known.count else 0.0,
    )


def _count(own: UserItemStatistics, event: ItemEvent) -> UserItemStatistics:
    """Note what a choice adds to what users share, by which later ones add only the rest."""
    weight = counted_weight(event)
    if weight <= 0.0:
        return own
    return replace(
        own,
        counted=max(own.counted, weight),
        counted_at=max(own.counted_at, event.event_time),
        valued=own.valued or given_value(event) is not None,
    )


def _add_skip(state: UserState, event: ItemEvent) -> UserState:
    session = replace(state.session, skips=state.session.skips + 1)
    return replace(state, session=session, shown=_mark(state.shown, event.list_id, event.item_id, clicked=False))


def _show(state: UserState, event: Impression) -> UserState:
    """Add an open slate, until its outcome has matured; the oldest is dropped first."""
    if event.list_id is None:
        return state
    shown = OpenSlate(event.list_id, event.event_time, event.items)
    return replace(state, shown=(shown, *state.shown)[:OPEN_SLATES])


def _mark(
    shown: tuple[OpenSlate, ...], list_id: ListId | None, item: ItemId, *, clicked: bool
) -> tuple[OpenSlate, ...]:
    """Note an answer, once, on the slate that the event names, or else on the newest one with the item."""

    def is_meant(slate: OpenSlate) -> bool:
        return item in slate.items and (list_id is None or slate.list_id == list_id)

    found = next((index for index, slate in enumerate(shown) if is_meant(slate)), None)
    if found is None:
        return shown
    slate = shown[found]
    if item in (slate.clicked if clicked else slate.skipped):
        return shown
    marked = (
        replace(slate, clicked=(*slate.clicked, item)) if clicked else replace(slate, skipped=(*slate.skipped, item))
    )
    return (*shown[:found], marked, *shown[found + 1 :])
