"""Memories to compare with: what published systems do when a person contradicts what they stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import exp2

from agents.evaluation.feedback import Fact, FactKind, Feedback
from agents.evaluation.pahf import Feature
from agents.evaluation.shopper import Belief
from features.decay import DAY

DECAY_HALF_LIFE = 5 * DAY
"""The half-life of a fact in `DecayingFacts`: about 32 questions of a user in PAHF."""


class DecayingFacts:
    """Keeps every fact and weighs it by age: the side with more weight is believed."""

    name = "decay"

    def __init__(self, half_life: float = DECAY_HALF_LIFE) -> None:
        self._half_life = half_life
        self._facts: defaultdict[tuple[str, Feature], dict[FactKind, tuple[float, float]]] = defaultdict(dict)

    def hear(self, user: str, heard: Feedback, learned: Sequence[Fact], at: float) -> None:
        for fact in learned:
            weights = self._facts[user, fact.feature]
            weights[fact.kind] = (self._weight(weights, fact.kind, at) + 1.0, at)

    def beliefs(self, user: str, features: Sequence[Feature], at: float) -> Mapping[Feature, Belief]:
        return {one: self._belief(self._facts[user, one], at) for one in features if (user, one) in self._facts}

    def changed_at(self, user: str, product: str) -> float | None:
        return None

    def _belief(self, weights: dict[FactKind, tuple[float, float]], at: float) -> Belief:
        preferred = self._weight(weights, "prefers", at)
        liked = self._weight(weights, "likes", at) + preferred
        return Belief(liked - self._weight(weights, "dislikes", at), preferred)

    def _weight(self, weights: dict[FactKind, tuple[float, float]], kind: FactKind, at: float) -> float:
        weight, since = weights.get(kind, (0.0, at))
        return weight * exp2((since - at) / self._half_life)


class AccumulatedFacts(DecayingFacts):
    """Keeps every fact for ever with the same weight: the side that has more of them is believed."""

    name = "accumulate-only"

    def __init__(self) -> None:
        super().__init__(half_life=float("inf"))


class NewestFacts:
    """Keeps the newest fact about each feature alone."""

    name = "newest-wins"

    def __init__(self) -> None:
        self._facts: dict[tuple[str, Feature], FactKind] = {}

    def hear(self, user: str, heard: Feedback, learned: Sequence[Fact], at: float) -> None:
        for fact in learned:
            self._facts[user, fact.feature] = fact.kind

    def beliefs(self, user: str, features: Sequence[Feature], at: float) -> Mapping[Feature, Belief]:
        newest = {one: self._facts[user, one] for one in features if (user, one) in self._facts}
        return {one: Belief(-1.0 if kind == "dislikes" else 1.0, kind == "prefers") for one, kind in newest.items()}

    def changed_at(self, user: str, product: str) -> float | None:
        return None
