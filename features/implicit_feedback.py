"""The utility that the system maximises, in one place: what each kind of event says about an item.

*Attention* is how much of a choice it was (popularity, co-visitation and examples count it); *liking* is what it says
of taste, signed. A rating is read against the person's own mean, so no scale is assumed.
"""

from __future__ import annotations

from schemas.interactions import (
    AddToCart,
    Click,
    Dislike,
    Dwell,
    Hide,
    Impression,
    Interaction,
    Like,
    Purchase,
    Rating,
    Search,
    Skip,
    View,
)

WEIGHTS: dict[type, float] = {View: 0.5, Click: 1.0, Rating: 1.0, AddToCart: 1.0, Purchase: 1.0, Like: 1.0}
REWARDS: dict[type, float] = {
    View: 0.3,
    Click: 0.5,
    AddToCart: 0.8,
    Purchase: 1.0,
    Like: 1.0,
    Skip: -0.2,
    Dislike: -1.0,
    Hide: -1.0,
}
DWELL_SATURATES_SECONDS = 60.0


def feedback_weight(event: Interaction) -> float:
    """How much of a choice of its item the event is; 0 if it is none.

    >>> feedback_weight(Click(event_id="e", user_id="u", event_time=1e9, item_id="i"))
    1.0
    """
    return WEIGHTS.get(type(event), 0.0)


def reward(event: Interaction, mean_value: float | None) -> float:
    """What the event says of the person's taste for its item, in [-1, 1].

    `mean_value` is the mean of the person's ratings before this one, none if there were none.

    >>> worse = Rating(event_id="e", user_id="u", event_time=1e9, item_id="i", value=2.0)
    >>> reward(worse, mean_value=4.0)
    -0.5
    """
    match event:
        case Rating(value=value):
            return _relative(value, mean_value)
        case Dwell(seconds=seconds):
            return 0.5 * min(1.0, seconds / DWELL_SATURATES_SECONDS)
        case Impression() | Search():
            return 0.0
        case _:
            return REWARDS[type(event)]


def _relative(value: float, mean: float | None) -> float:
    """A rating as a liking: mildly liked at the person's mean, disliked from a third below it, saturating at half."""
    if mean is None:
        return 0.5
    spread = max(abs(mean), 1e-9) / 2.0
    return max(-1.0, min(1.0, 0.25 + 0.75 * (value - mean) / spread))
