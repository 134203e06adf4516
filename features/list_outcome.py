"""When what was shown has had its chance: a slate matures half an hour after it was shown, in event time.

A person's own next event takes their matured slates out of their state. For people who do not come back the stream's
clock says that a slate has matured: its outcome is published by a timer, and the state stays as it is, so that a state
follows from the person's events alone.
"""

from __future__ import annotations

from msgspec.structs import replace

from features.user_state import OPEN_SLATES, SESSION_GAP, OpenSlate, UserState

MATURES_AFTER = SESSION_GAP
"""Seconds of event time after which a shown slate's answers count as all there are."""


def matures_at(state: UserState) -> float | None:
    """When the first of the slates that are open matures, none if there are none."""
    return min((slate.at + MATURES_AFTER for slate in state.shown), default=None)


def matured_by(state: UserState, now: float) -> tuple[OpenSlate, ...]:
    """The open slates that have matured by this time, the oldest first; the state keeps them.

    >>> from schemas.ids import UserId
    >>> shown = OpenSlate("list-1", 0.0, ("i1",))
    >>> state = UserState(user_id=UserId("u1"), shown=(shown,))
    >>> matured_by(state, 1_799.0), matured_by(state, 1_800.0) == (shown,)
    ((), True)
    """
    return tuple(slate for slate in reversed(state.shown) if slate.at + MATURES_AFTER <= now)


def mature(state: UserState) -> tuple[UserState, tuple[OpenSlate, ...]]:
    """Take the slates that have matured out of the state: too old by event time, or pushed out by newer ones.

    >>> from schemas.ids import UserId
    >>> shown = OpenSlate("list-1", 0.0, ("i1", "i2"))
    >>> state, done = mature(UserState(user_id=UserId("u1"), last_at=2_000.0, shown=(shown,)))
    >>> done == (shown,), state.shown
    (True, ())
    """
    if not state.shown:
        return state, ()
    kept = state.shown[: OPEN_SLATES - 1]
    open_slates = tuple(slate for slate in kept if state.last_at - slate.at <= MATURES_AFTER)
    done = tuple(slate for slate in state.shown if slate not in open_slates)
    return (replace(state, shown=open_slates), done) if done else (state, ())
