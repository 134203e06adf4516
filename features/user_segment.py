"""In which situation a person chooses: for the first time, on coming back, or within a sitting.

What people choose differs by it: newcomers meet a shop window, those who return look for what is new, and those within
a sitting go on from where they are.
"""

from __future__ import annotations

from typing import get_args

from features.user_state import SESSION_GAP, UserState
from schemas.statistics import Segment

SEGMENTS: tuple[Segment, ...] = get_args(Segment)
"""In the order of the arrays of `features.item_table`."""


def user_segment(state: UserState, at: float) -> Segment:
    """The situation of a choice at `at` (event time), by the state before it.

    `new`: no choice came before. `return`: the first choice after more than `SESSION_GAP` without an event; what is
    shown, skipped or searched for on the way to it does not end the return. `sitting`: all others. A late event counts
    as one of the person's newest sitting: that is where they are when it comes, and what an exam of it asks about.

    >>> from features.user_state import fold
    >>> from schemas.interactions import Click
    >>> nobody = UserState(user_id="u1")
    >>> once = fold(nobody, Click(event_id="e1", user_id="u1", event_time=1e9, item_id="i1"))
    >>> user_segment(nobody, 1e9), user_segment(once, 1e9 + 60), user_segment(once, 1e9 + 3_600)
    ('new', 'sitting', 'return')
    """
    if not state.choices:
        return "new"
    if at > state.last_at + SESSION_GAP or not _has_chosen(state):
        return "return"
    return "sitting"


def _has_chosen(state: UserState) -> bool:
    """Whether the sitting that goes on has seen a choice."""
    for entry in reversed(state.recent):
        if entry.at < state.session.began_at:
            return False
        if entry.feedback_weight > 0:
            return True
    return False
