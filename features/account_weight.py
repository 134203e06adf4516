"""How much a choice counts in statistics that all users share: no more than one person's worth of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.implicit_feedback import feedback_weight
from schemas.interactions import Interaction, ItemEvent

if TYPE_CHECKING:
    from features.user_state import UserState

MOST_OF_ONE_CHOICE = 3.0
"""What a choice weighs at most, whatever quantity it claims: that of a hundred pieces."""
NEW_ACCOUNT_CHOICES = 2.0
"""Choices of smoothing: an account with d distinct choices counts (d + 1) / (d + 1 + this)."""


def account_weight(state: UserState) -> float:
    """Return how much the account's next choice counts, in (0, 1): more with each distinct item that it chose before.

    An account is one of `NEW_ACCOUNT_CHOICES` more that showed nothing: additive smoothing, the same for everybody.

    >>> from features.user_state import UserState
    >>> [round(account_weight(UserState(user_id="u", choices=choices)), 2) for choices in (0, 1, 8)]
    [0.33, 0.5, 0.82]
    """
    shown = state.distinct_choices + 1.0
    return shown / (shown + NEW_ACCOUNT_CHOICES)


def counted_weight(event: Interaction | ItemEvent) -> float:
    """Return what the event adds to the item if it is the user's first choice of it; 0 if it is no choice."""
    return min(MOST_OF_ONE_CHOICE, feedback_weight(event))
