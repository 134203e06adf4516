"""The production memory in a study: what a user says goes through `learn`, what is believed comes from `recall`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count

from agents.evaluation.feedback import Fact, FactKind, Feedback
from agents.evaluation.pahf import Feature
from agents.evaluation.shopper import Belief
from agents.memory.changes import changed_at
from agents.memory.operations import Memories, PreferenceSignal, SignalCause, learn
from agents.memory.recall import recall
from agents.memory.record import NEVER, weight
from schemas.ids import EventId, UserId
from schemas.memories import Predicate

PREDICATES: dict[FactKind, Predicate] = {"likes": "likes", "prefers": "wants-more", "dislikes": "dislikes"}


class LifelongMemory:
    """Each user's memories, as an agent keeps them."""

    name = "Lifelong"

    def __init__(self) -> None:
        self._memories: defaultdict[str, Memories] = defaultdict(dict)
        self._sweep_at: defaultdict[str, float] = defaultdict(lambda: NEVER)
        self._events = count()

    def hear(self, user: str, heard: Feedback, learned: Sequence[Fact], at: float) -> None:
        cause = SignalCause(UserId(user), EventId(f"e{next(self._events)}"), at, at)
        signals = [_signal(fact, announced=heard.kind == "changed") for fact in learned]
        after = learn(self._memories[user], signals, cause, self._sweep_at[user])
        self._memories[user], self._sweep_at[user] = after.memories, after.sweep_at

    def beliefs(self, user: str, features: Sequence[Feature], at: float) -> Mapping[Feature, Belief]:
        asked, stored = set(features), self._memories[user].values()
        found: dict[Feature, Belief] = {}
        for memory in recall(stored, at, about={one.value for one in features}, k=len(stored)):
            feature = Feature(memory.context, memory.attribute, memory.value)
            if feature in asked:
                own, before = weight(memory, at), found.get(feature, Belief())
                preferred = own if memory.predicate == "wants-more" else 0.0
                found[feature] = Belief(before.opinion + own, before.preference + preferred)
        return found

    def changed_at(self, user: str, product: str) -> float | None:
        return changed_at(self._memories[user].values(), product)


def _signal(fact: Fact, *, announced: bool) -> PreferenceSignal:
    """Return the statement about a value of an attribute, in the context of its product."""
    return PreferenceSignal(
        subject="attribute",
        predicate=PREDICATES[fact.kind],
        value=fact.feature.value,
        weight=1.0,
        source="stated",
        attribute=fact.feature.attribute,
        context=fact.feature.product,
        announced=announced,
    )
