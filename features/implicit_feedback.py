"""Implicit feedback: how much of a choice an event is, and what it says of the user's preference.

Both follow from the event's row in `schemas.event_kinds`. A rating is read against the user's own mean, so no scale is
assumed.
"""

from __future__ import annotations

from math import log10
from typing import assert_never

from schemas.event_kinds import kind_of
from schemas.interactions import Dwell, Interaction, ItemEvent, QuantityEvent, Rating, Review

DWELL_SATURATES_SECONDS = 60.0
LEAST_QUANTITY_WEIGHT = 0.1
"""The least that a quantity multiplies a weight by, where it is next to nothing."""


def feedback_weight(event: Interaction | ItemEvent) -> float:
    """Return how much of a choice of its item the event is; 0 if it is no choice.

    A quantity weighs by its logarithm, as counts do in implicit feedback (Hu, Koren, Volinsky, ICDM 2008): ten of an
    item weigh twice as much as one, a hundred three times.

    >>> from schemas.interactions import Click
    >>> feedback_weight(Click(event_id="e", user_id="u", event_time=1e9, item_id="i"))
    1.0
    """
    weight = kind_of(event).weight
    if isinstance(event, QuantityEvent) and event.quantity != 1.0:
        return weight * _quantity_weight(event.quantity)
    return weight


def given_value(event: Interaction | ItemEvent) -> float | None:
    """Return the value that the event gives its item, none if it gives none.

    >>> given_value(Review(event_id="e", user_id="u", event_time=1e9, item_id="i", text="warm", value=4.0))
    4.0
    """
    return event.value if isinstance(event, Rating | Review) else None


def reward(event: Interaction | ItemEvent, mean_value: float | None) -> float:
    """Return what the event says of the user's preference for its item, in [-1, 1].

    `mean_value` is the mean of the user's ratings before this one, None if there were none.

    >>> worse = Rating(event_id="e", user_id="u", event_time=1e9, item_id="i", value=2.0)
    >>> reward(worse, mean_value=4.0)
    -0.5
    """
    given = kind_of(event).reward
    match given:
        case float() | int():
            return given
        case "relative-rating":
            value = given_value(event)
            return relative_rating(value, mean_value) if value is not None else 0.0
        case "dwell-time":
            return 0.5 * min(1.0, event.seconds / DWELL_SATURATES_SECONDS) if isinstance(event, Dwell) else 0.0
        case _:
            assert_never(given)


def _quantity_weight(quantity: float) -> float:
    return max(LEAST_QUANTITY_WEIGHT, 1.0 + log10(quantity)) if quantity > 0.0 else LEAST_QUANTITY_WEIGHT


def relative_rating(value: float, mean: float | None) -> float:
    """Return 0.25 for a rating at the user's mean, below 0 from a third under it; saturates at half above or below."""
    if mean is None:
        return 0.5
    spread = max(abs(mean), 1e-9) / 2.0
    return max(-1.0, min(1.0, 0.25 + 0.75 * (value - mean) / spread))
