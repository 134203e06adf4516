"""When what was shown has had its chance: a slate matures on the person's own event-time watermark."""

from __future__ import annotations

from msgspec.structs import replace

from features.user_state import OPEN_SLATES, SESSION_GAP, Shown, UserState

MATURES_AFTER = SESSION_GAP
"""Seconds of event time after which a shown slate's answers count as all there are."""


def mature(state: UserState) -> tuple[UserState, tuple[Shown, ...]]:
    """Take the slates that have matured out of the state: too old by event time, or pushed out by newer ones.

    >>> from schemas.ids import UserId
    >>> shown = Shown("list-1", 0.0, ("i1", "i2"))
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
