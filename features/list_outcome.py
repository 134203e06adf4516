"""The time at which the outcome of a shown slate is final: it matures half an hour after it was shown, in event time.

A user's own next event removes their matured slates from their state. For users who do not return, the stream's clock
decides that a slate has matured: a timer publishes its outcome, and the state stays as it is, so that a state follows
from the user's events alone.
"""

from __future__ import annotations

from msgspec.structs import replace

from features.user_state import OPEN_SLATES, SESSION_GAP, OpenSlate, UserState

MATURES_AFTER = SESSION_GAP
"""Seconds of event time after which the outcome of a shown slate counts as complete."""


def matures_at(state: UserState) -> float | None:
    """Return when the first of the open slates matures, none if none is open."""
    return min((slate.at + MATURES_AFTER for slate in state.shown), default=None)


def matured_by(state: UserState, now: float) -> tuple[OpenSlate, ...]:
    """Return the open slates that have matured by this time, the oldest first; the state keeps them.

    >>> from schemas.ids import UserId
    >>> shown = OpenSlate("list-1", 0.0, ("i1",))
    >>> state = UserState(user_id=UserId("u1"), shown=(shown,))
    >>> matured_by(state, 1_799.0), matured_by(state, 1_800.0) == (shown,)
    ((), True)
    """
    return tuple(slate for slate in reversed(state.shown) if slate.at + MATURES_AFTER <= now)


def mature(state: UserState) -> tuple[UserState, tuple[OpenSlate, ...]]:
    """Remove the matured slates from the state, and return both: too old by event time, or displaced by newer ones.

    >>> from schemas.ids import UserId
    >>> shown = OpenSlate("list-1", 0.0, ("i1", "i2"))
    >>> state, matured = mature(UserState(user_id=UserId("u1"), last_at=2_000.0, shown=(shown,)))
    >>> matured == (shown,), state.shown
    (True, ())
    """
    if not state.shown:
        return state, ()
    newest = state.shown[: OPEN_SLATES - 1]
    open_slates = tuple(slate for slate in newest if state.last_at - slate.at <= MATURES_AFTER)
    matured = tuple(slate for slate in state.shown if slate not in open_slates)
    return (replace(state, shown=open_slates), matured) if matured else (state, ())
