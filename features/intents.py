"""What a user showed or asked for in pictures and words: vectors that draw the next lists, and fade within hours.

A user has at most `INTENTS_KEPT` of them. Which these are does not depend on the order in which they arrive, nor on how
often they do: however a log is read, its fold is the same.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from features.implicit_feedback import relative_rating

INTENTS_KEPT = 3
HALF_LIVES = 4.0
"""How often an intent halves in weight until it ends."""

IntentKind = Literal["look", "search", "review"]


class ShownIntent(Struct, frozen=True, array_like=True):
    """One picture or text as a vector (`vector`: little-endian float16) by the encoder of this tag.

    It was shown `at`, and ends at `until` (event time); `event_id` is that of the interaction. A review that gave its
    item a `value` has it.
    """

    at: float
    event_id: str
    kind: IntentKind
    until: float
    encoder: str
    vector: bytes
    value: float | None = None


def with_intent(known: tuple[ShownIntent, ...], new: ShownIntent) -> tuple[ShownIntent, ...]:
    """Return the newest intents, newest first, `new` among them if it is one; none that ended before the newest began.

    >>> hat = ShownIntent(10.0, "hat", "look", 110.0, "e/1", b"")
    >>> cap = ShownIntent(20.0, "cap", "look", 120.0, "e/1", b"")
    >>> [intent.event_id for intent in with_intent((cap,), hat)]
    ['cap', 'hat']
    >>> coat = ShownIntent(115.0, "coat", "look", 215.0, "e/1", b"")
    >>> [intent.event_id for intent in with_intent((cap, hat), coat)]
    ['coat', 'cap']
    """
    distinct = {intent.event_id: intent for intent in (*known, new)}
    newest_first = sorted(distinct.values(), key=lambda intent: (intent.at, intent.event_id), reverse=True)
    return tuple(intent for intent in newest_first if intent.until > newest_first[0].at)[:INTENTS_KEPT]


def weight_of(intent: ShownIntent, now: float, mean_value: float | None = None) -> float:
    """Return how much the intent counts at event time `now`: 1 when it was shown, a half after each half-life, 0 from
    its end on. Words about an item that is not liked, by the mean of the user's ratings, count nothing.

    >>> hat = ShownIntent(0.0, "hat", "look", 400.0, "e/1", b"")
    >>> [weight_of(hat, now) for now in (0.0, 100.0, 400.0)]
    [1.0, 0.5, 0.0]
    """
    if now >= intent.until or (intent.value is not None and relative_rating(intent.value, mean_value) <= 0.0):
        return 0.0
    age = max(0.0, now - intent.at)
    return float(0.5 ** (HALF_LIVES * age / max(intent.until - intent.at, 1e-9)))
