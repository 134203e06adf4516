"""User segments: what a user has done when they choose: nothing yet, come back, or begun a session.

What users choose differs by it: new users meet a shop window, those who return look for what is new, and those within
a session go on from where they are.
"""

from __future__ import annotations

from typing import get_args

from features.user_state import UserState, begins_session
from schemas.statistics import Segment

SEGMENTS: tuple[Segment, ...] = get_args(Segment)
"""In the order of the arrays of `inference.signals.segments`."""


def user_segment(state: UserState, at: float, session_id: str = "") -> Segment:
    """Return the segment of a user who chooses at `at` (event time), by the state before the choice.

    `new`: no choice came before. `return`: the first choice of a session; what is shown, skipped or searched for on the
    way to it does not end the return. `sitting`: every later choice of the session. A late event counts as one of the
    newest session: that is where the user is when it comes, and what a prequential query for it asks about.
    `session_id` is the application's, where the choice carries one (`features.user_state.begins_session`).

    >>> from features.user_state import fold
    >>> from schemas.interactions import Click
    >>> nobody = UserState(user_id="u1")
    >>> once = fold(nobody, Click(event_id="e1", user_id="u1", event_time=1e9, item_id="i1"))
    >>> user_segment(nobody, 1e9), user_segment(once, 1e9 + 60), user_segment(once, 1e9 + 3_600)
    ('new', 'sitting', 'return')
    """
    if not state.choices:
        return "new"
    if begins_session(state, at, session_id) or not _has_chosen(state):
        return "return"
    return "sitting"


def _has_chosen(state: UserState) -> bool:
    """Return whether the current session has seen a choice."""
    for entry in reversed(state.recent):
        if entry.at < state.session.began_at:
            return False
        if entry.feedback_weight > 0:
            return True
    return False
