"""A person's profile, moved by every judgement: p ← p + η · Δp, with Δp = what the event shows - p.

Transient taste (the current mood), habitual taste (its slow background) and taste by context (time of day, device)
are kept apart, each as weights over categories: a person has several interests at once. Lasting taste is read from
memories. The profile holds what cannot be read from those: how taste moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp2

from msgspec import Struct

from agents.memory.record import confidence, is_active, signed
from features.decay import DAY
from schemas.interactions import Context
from schemas.memories import Memory

Weights = dict[str, float]

TRANSIENT_RATE = 1.0 - exp2(-1 / 8)
"""η of transient taste: a judgement loses half its say after 8 more."""
HABITUAL_RATE = 1.0 - exp2(-1 / 64)
CONTEXT_RATE = 1.0 - exp2(-1 / 32)
WIDTH = 32
"""How many categories each part keeps: the weightiest."""
CONTEXTS = 8
NEGLIGIBLE = 1e-3
DAY_PARTS = ("night", "morning", "afternoon", "evening")


class Profile(Struct, frozen=True, array_like=True):
    """Weights in [-1, 1] by category. `context` has a part for each situation, `judged` counts the judgements."""

    transient: Weights = {}
    habitual: Weights = {}
    context: dict[str, Weights] = {}
    judged: int = 0


def moved(weights: Weights, shown: Weights, rate: float) -> Weights:
    """p + η · (shown - p): categories that are not shown move towards zero; the negligible and the surplus go.

    >>> moved({"jazz": 1.0}, {"folk": 1.0}, 0.5)
    {'jazz': 0.5, 'folk': 0.5}
    """
    kept = 1.0 - rate
    after = {name: weight * kept for name, weight in weights.items()}
    for name, weight in shown.items():
        after[name] = after.get(name, 0.0) + rate * weight
    if len(after) <= WIDTH:
        return after
    strongest = sorted(after, key=lambda name: (-abs(after[name]), name))[:WIDTH]
    return {name: after[name] for name in strongest if abs(after[name]) > NEGLIGIBLE}


def situations(at: float, context: Context) -> tuple[str, ...]:
    """The names of the situation: part of the day (UTC) and, if known, the device.

    >>> situations(20 * 3600.0, Context(device="tv"))
    ('hour:evening', 'device:tv')
    """
    part = f"hour:{DAY_PARTS[int(at % DAY // (DAY / 4))]}"
    return (part, f"device:{context.device}") if context.device else (part,)


def experience(profile: Profile, liked: float, categories: tuple[str, ...], where: tuple[str, ...]) -> Profile:
    """The profile after a judgement of an item: Δp from history for every part, from C for the present situation.

    `liked` is the event's liking in [-1, 1], shared evenly by the item's categories; without either nothing moves.

    >>> experience(Profile(), 1.0, ("jazz",), ()).judged
    1
    """
    if not categories or not liked:
        return profile
    shown = dict.fromkeys(categories, liked / len(categories))
    context = dict(profile.context)
    for name in where:
        context[name] = moved(context.pop(name, {}), shown, CONTEXT_RATE)
    while len(context) > CONTEXTS:
        del context[next(iter(context))]
    return Profile(
        moved(profile.transient, shown, TRANSIENT_RATE),
        moved(profile.habitual, shown, HABITUAL_RATE),
        context,
        profile.judged + 1,
    )


def lasting(memories: Iterable[Memory], now: float) -> Weights:
    """Lasting taste: what active memories about categories say, signed, each by its confidence.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId, UserId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 0.0, 0.0)
    >>> memory = begin(PreferenceSignal("category", "likes", "jazz", 1.0), cause)
    >>> lasting([memory], now=0.0)
    {'jazz': 0.35}
    """
    weights: Weights = {}
    for memory in memories:
        if memory.subject == "category" and is_active(memory):
            weights[memory.value] = weights.get(memory.value, 0.0) + signed(memory, confidence(memory, now))
    return weights


def interests(
    profile: Profile, known: Weights, where: tuple[str, ...] = (), *, mood: float = 0.3, setting: float = 0.1
) -> Weights:
    """What the person wants now: lasting taste `known`, with a share for the mood and one for the situation.

    Every part is scaled to its own greatest weight first, so that the shares mean the same for everyone.

    >>> interests(Profile(transient={"folk": 0.2}), {"jazz": 0.9}, mood=0.5, setting=0.0)
    {'jazz': 0.5, 'folk': 0.5}
    """
    parts = [(1.0 - mood - setting, known), (mood, profile.transient)]
    parts += [(setting / len(where), profile.context.get(name, {})) for name in where]
    wanted: Weights = {}
    for share, weights in parts:
        top = max(map(abs, weights.values()), default=0.0)
        if top > 0.0:
            for name, weight in weights.items():
                wanted[name] = wanted.get(name, 0.0) + share * weight / top
    return wanted
