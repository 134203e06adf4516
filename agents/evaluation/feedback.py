"""What a user of PAHF's shopping study says about a choice, and the facts that a listener takes from it.

The rules are those of PAHF's simulator (`_generate_post_feedback`, detailed style): they follow from the persona alone,
and no sentence says more than one of its sentences does.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from agents.evaluation.pahf import Feature, Persona, Question

FactKind = Literal["likes", "prefers", "dislikes"]


class Feedback(Struct, frozen=True):
    """One sentence of the user.

    | kind       | sentence                                              | accepted      | named              |
    |------------|-------------------------------------------------------|---------------|--------------------|
    | right      | "Perfect!", about a choice                            | its features  |                    |
    | none       | "Right!", where nothing was bought                    |               |                    |
    | missed     | "Option B would have worked for me."                  | those of B    |                    |
    | refused    | "Option A won't work because I don't want X."         |               | X                  |
    | changed    | "My preferences have changed. I used to like X."      |               | X                  |
    | better     | "A is okay, but I'd prefer B because it has X."       | those of A, B | X, where one is    |
    """

    kind: Literal["right", "none", "missed", "refused", "changed", "better"]
    accepted: tuple[Feature, ...] = ()
    named: Feature | None = None


class Fact(Struct, frozen=True):
    """What feedback says about one feature."""

    feature: Feature
    kind: FactKind


def feedback(question: Question, choice: int | None, persona: Persona, former: Persona | None = None) -> Feedback:
    """Return what the user says about the choice, an index into the options or None for buying nothing.

    `former` is the persona before the change, if there was one.
    """
    if choice == question.answer:
        return Feedback("none") if choice is None else Feedback("right", question.options[choice])
    if choice is None:
        return Feedback("missed", question.options[question.answer or 0])
    chosen = question.options[choice]
    disliked = [feature for feature in chosen if not _accepts(persona, feature)]
    if disliked and former is not None and all(_accepts(former, feature) for feature in chosen):
        return Feedback("changed", named=disliked[0])
    if disliked:
        return Feedback("refused", named=disliked[0])
    best = question.options[question.answer or 0]
    return Feedback("better", tuple(dict.fromkeys((*chosen, *best))), _reason(persona, chosen, best))


def _accepts(persona: Persona, feature: Feature) -> bool:
    return persona[feature.product][feature.attribute].accepts(feature.value)


def _reason(persona: Persona, chosen: tuple[Feature, ...], best: tuple[Feature, ...]) -> Feature | None:
    """Return the feature of the best option that the user likes most where the chosen one has an alternative."""
    alternatives = {feature.attribute for feature in chosen if feature not in best}
    for feature in best:
        if feature.attribute in alternatives:
            taste = persona[feature.product][feature.attribute]
            if feature.value == taste.like_most:
                return feature
    return None


def facts(heard: Feedback) -> tuple[Fact, ...]:
    """Return what the sentence says about features.

    >>> facts(Feedback("refused", named=Feature("tv", "panel", "OLED")))
    (Fact(feature=Feature(product='tv', attribute='panel', value='OLED'), kind='dislikes'),)
    """
    liked = tuple(Fact(feature, "likes") for feature in heard.accepted if feature != heard.named)
    if heard.named is None:
        return liked
    return (*liked, Fact(heard.named, "prefers" if heard.kind == "better" else "dislikes"))
