"""A user's profile, moved by every reward: p ← p + η · Δp, with Δp = what the event shows - p.

Short-term preference (the current mood), long-term preference (its slow background) and preference by context (time of
day, device) are kept apart, each as weights over categories: a user has several interests at once. Lasting preference
is read from memories. The profile holds what memories do not: how preferences move.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp2

from msgspec import Struct

from agents.memory.record import confidence, is_active, is_conditional, signed
from features.decay import DAY
from schemas.interactions import Context
from schemas.memories import Memory

Weights = dict[str, float]

SHORT_TERM_RATE = 1.0 - exp2(-1 / 8)
"""η of short-term preference: a reward loses half its weight after 8 more."""
LONG_TERM_RATE = 1.0 - exp2(-1 / 64)
CONTEXT_RATE = 1.0 - exp2(-1 / 32)
MAX_CATEGORIES = 32
"""How many categories each part keeps: the weightiest."""
MAX_CONTEXTS = 8
NEGLIGIBLE_WEIGHT = 1e-3
DAY_PARTS = ("night", "morning", "afternoon", "evening")


class Profile(Struct, frozen=True, array_like=True):
    """Weights in [-1, 1] by category. `context` has a part for each context name, `rewards` counts rewards."""

    short_term: Weights = {}
    long_term: Weights = {}
    context: dict[str, Weights] = {}
    rewards: int = 0


def moved(weights: Weights, shown: Weights, rate: float) -> Weights:
    """Return p + η · (shown - p): categories that are not shown move towards zero; negligible and surplus ones are
    dropped.

    >>> moved({"jazz": 1.0}, {"folk": 1.0}, 0.5)
    {'jazz': 0.5, 'folk': 0.5}
    """
    remaining = 1.0 - rate
    after = {name: weight * remaining for name, weight in weights.items()}
    for name, weight in shown.items():
        after[name] = after.get(name, 0.0) + rate * weight
    if len(after) <= MAX_CATEGORIES:
        return after
    strongest = sorted(after, key=lambda name: (-abs(after[name]), name))[:MAX_CATEGORIES]
    return {name: after[name] for name in strongest if abs(after[name]) > NEGLIGIBLE_WEIGHT}


def profile_contexts(at: float, context: Context) -> tuple[str, ...]:
    """Return the names of the context: part of the day (UTC) and, if known, the device.

    >>> profile_contexts(20 * 3600.0, Context(device="tv"))
    ('hour:evening', 'device:tv')
    """
    part = f"hour:{DAY_PARTS[int(at % DAY // (DAY / 4))]}"
    return (part, f"device:{context.device}") if context.device else (part,)


def updated_profile(profile: Profile, reward: float, categories: tuple[str, ...], where: tuple[str, ...]) -> Profile:
    """Return the profile after a reward: Δp from history for every part, from C for the present context.

    `reward` in [-1, 1] is shared evenly by the item's categories; without either nothing moves.

    >>> updated_profile(Profile(), 1.0, ("jazz",), ()).rewards
    1
    """
    if not categories or not reward:
        return profile
    shown = dict.fromkeys(categories, reward / len(categories))
    context = dict(profile.context)
    for name in where:
        context[name] = moved(context.pop(name, {}), shown, CONTEXT_RATE)
    while len(context) > MAX_CONTEXTS:
        del context[next(iter(context))]
    return Profile(
        moved(profile.short_term, shown, SHORT_TERM_RATE),
        moved(profile.long_term, shown, LONG_TERM_RATE),
        context,
        profile.rewards + 1,
    )


def lasting_preferences(memories: Iterable[Memory], now: float) -> Weights:
    """Return lasting preferences: the signed confidence of active memories, summed by category.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId, UserId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 1.0), cause)
    >>> lasting_preferences([memory], now=0.0)
    {'jazz': 0.35}
    """
    weights: Weights = {}
    for memory in memories:
        if memory.subject == "category" and is_active(memory) and not (memory.parts or is_conditional(memory)):
            weights[memory.value] = weights.get(memory.value, 0.0) + signed(memory, confidence(memory, now))
    return weights


def interests(
    profile: Profile, lasting: Weights, where: tuple[str, ...] = (), *, mood: float = 0.3, setting: float = 0.1
) -> Weights:
    """Return the user's interests now: `lasting_preferences` ones, with a share for the mood and one for the context.

    Every part is scaled to its own greatest weight first, so that the shares mean the same for every user.

    >>> interests(Profile(short_term={"folk": 0.2}), {"jazz": 0.9}, mood=0.5, setting=0.0)
    {'jazz': 0.5, 'folk': 0.5}
    """
    parts = [(1.0 - mood - setting, lasting), (mood, profile.short_term)]
    parts += [(setting / len(where), profile.context.get(name, {})) for name in where]
    wanted: Weights = {}
    for share, weights in parts:
        top = max(map(abs, weights.values()), default=0.0)
        if top > 0.0:
            for name, weight in weights.items():
                wanted[name] = wanted.get(name, 0.0) + share * weight / top
    return wanted
