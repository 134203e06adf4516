"""Who answers the questions of a study: it chooses from what a memory believes, and knows nothing else.

All memories are asked by the same shoppers, so that a difference between two rows is one between their memories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from random import Random
from typing import Protocol

from msgspec import Struct

from agents.evaluation.feedback import Fact, Feedback, facts
from agents.evaluation.pahf import Feature, Question
from features.decay import DAY

WARY = 7 * DAY
"""For how long after a change of preferences a shopper tries nothing out."""
EVEN_ODDS = 0.5


class Belief(Struct, frozen=True):
    """What a memory believes of a feature: liked above zero, disliked below, unknown at zero; and how preferred."""

    opinion: float = 0.0
    preference: float = 0.0


UNINFORMED = Belief()


class TasteMemory(Protocol):
    """A memory of many users' tastes; all times are event times in seconds, and never go back."""

    def hear(self, user: str, heard: Feedback, learned: Sequence[Fact], at: float) -> None:
        """Learn facts from what a user said."""
        ...

    def beliefs(self, user: str, features: Sequence[Feature], at: float) -> Mapping[Feature, Belief]:
        """Return what is believed of these features; those of which nothing is known may be missing."""
        ...

    def changed_at(self, user: str, product: str) -> float | None:
        """Return when the memory last noticed that this user's tastes in the product had changed, if it ever did."""
        ...


class Shopper(Protocol):
    """Chooses, and says what it learns from feedback."""

    def choose(self, question: Question, memory: TasteMemory, at: float, rng: Random, *, corrected: bool) -> int | None:
        """Return the index of an option, or None to buy nothing; `corrected` says whether feedback will follow.

        Among equal options `rng` decides.
        """
        ...

    def learned(self, question: Question, heard: Feedback) -> tuple[Fact, ...]:
        """Return the facts that the shopper takes from the feedback to a question."""
        ...


class CautiousShopper:
    """Buys only what the memory believes to be liked in every feature; learns only what is said about the best."""

    def choose(self, question: Question, memory: TasteMemory, at: float, rng: Random, *, corrected: bool) -> int | None:
        known = memory.beliefs(question.user, tuple(chain(*question.options)), at)
        return _best(question, known, rng, lambda option: all(known.get(one, UNINFORMED).opinion > 0 for one in option))

    def learned(self, question: Question, heard: Feedback) -> tuple[Fact, ...]:
        if heard.kind == "better" and question.answer is not None:
            return facts(Feedback("better", question.options[question.answer], heard.named))
        return facts(heard)


class CuriousShopper:
    """Tries out what is unknown while it is corrected, unless tastes have just changed; else buys at even odds.

    An unknown value of an attribute is liked as often as its user likes values of attributes of which all are known:
    if three of six are and two liked ones are known, the other four share one.
    """

    def __init__(self, values: Mapping[tuple[str, str], tuple[Feature, ...]]) -> None:
        self._values = values
        self._liked_shares: dict[str, dict[tuple[str, str], float]] = {}

    def choose(self, question: Question, memory: TasteMemory, at: float, rng: Random, *, corrected: bool) -> int | None:
        known = self._known(question, memory, at)
        changed = memory.changed_at(question.user, question.product)
        wary = changed is not None and at - changed < WARY
        needed = 0.0 if corrected and not wary else EVEN_ODDS
        odds = {one: self._odds(question.user, one, known) for one in chain(*question.options)}
        return _best(question, known, rng, lambda option: prod(odds[one] for one in option) > needed)

    def learned(self, question: Question, heard: Feedback) -> tuple[Fact, ...]:
        return facts(heard)

    def _known(self, question: Question, memory: TasteMemory, at: float) -> Mapping[Feature, Belief]:
        """Return the beliefs about every value of the attributes in question; keep the share of those liked."""
        attributes = dict.fromkeys((one.product, one.attribute) for one in chain(*question.options))
        known = memory.beliefs(question.user, [one for name in attributes for one in self._values[name]], at)
        shares = self._liked_shares.setdefault(question.user, {})
        for name in attributes:
            opinions = [known.get(one, UNINFORMED).opinion for one in self._values[name]]
            if all(opinions):
                shares[name] = sum(opinion > 0 for opinion in opinions) / len(opinions)
        return known

    def _odds(self, user: str, feature: Feature, known: Mapping[Feature, Belief]) -> float:
        """Return the probability that the user likes the feature."""
        opinion = known.get(feature, UNINFORMED).opinion
        if opinion:
            return float(opinion > 0)
        values = self._values[feature.product, feature.attribute]
        opinions = [known.get(one, UNINFORMED).opinion for one in values]
        shares = self._liked_shares[user].values()
        expected = len(values) * (sum(shares) / len(shares) if shares else EVEN_ODDS)
        left = expected - sum(one > 0 for one in opinions)
        return min(1.0, max(0.0, left / sum(one == 0 for one in opinions)))


class _Bought(Protocol):
    def __call__(self, option: tuple[Feature, ...], /) -> bool: ...


def _best(question: Question, known: Mapping[Feature, Belief], rng: Random, bought: _Bought) -> int | None:
    """Return the option of those to be bought whose features are preferred most."""
    order = list(range(len(question.options)))
    rng.shuffle(order)
    allowed = [index for index in order if bought(question.options[index])]
    return max(
        allowed,
        key=lambda index: sum(known.get(one, UNINFORMED).preference for one in question.options[index]),
        default=None,
    )
