"""How probable it is that a person accepts an item, given which they rejected; and what a question is worth.

Limits on different fields are taken as independent. A person accepts an item if it keeps to all of them, so that the
probability of accepting every item of a set is a product over fields. That of accepting one and rejecting several
others follows by inclusion and exclusion, exactly. What a question is worth is its expected value of information
(Howard, 1966): the probability that the best item after the answer is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations

import numpy as np

from agents.dialogue.hypotheses import TOLD, Floats, Hypotheses

MOST_REJECTIONS = 6
"""How many rejections without a reason are reasoned about, the newest: the terms double with each."""
PATIENT = 0.5
"""How probable it is that a person who rejected an item looks at another one: a question tires them less."""


class Chances:
    """Probabilities over the items of `fields`, of which `rejected` were rejected for reasons that were not given.

    `candidates` are the indices of the items that may be recommended, `weights` `[candidates]` how well each suits
    the person otherwise, above 0.
    """

    def __init__(
        self, fields: Sequence[Hypotheses], rejected: Sequence[int], candidates: Sequence[int], weights: Floats
    ) -> None:
        self._fields, self._candidates, self._weights = fields, np.array(candidates, dtype=int), weights
        self._subsets = list(_signed_subsets(rejected[-MOST_REJECTIONS:]))
        self._evidence = float(sum(sign * self._all(chosen) for chosen, sign in self._subsets))
        if self._evidence <= 1e-9:
            self._subsets, self._evidence = [((), 1)], 1.0

    def accepted(self) -> Floats:
        """Return the probability that each candidate is accepted, `[candidates]`."""
        return self._joint(())

    def recommend_twice(self) -> tuple[int, float]:
        """Return the position of the best candidate, and how well it and the best one after its rejection suit."""
        accepted = self.accepted()
        best = int(np.argmax(self._weights * accepted))
        second = self._weights * (accepted - self._joint((int(self._candidates[best]),)))
        second[best] = 0.0
        return best, float(self._weights[best] * accepted[best] + PATIENT * second.max())

    def ask(self, field: Hypotheses) -> float:
        """Return how well the best candidate suits after the answer to a question about a field."""
        others = [other for other in self._fields if other.field != field.field]
        joint = np.zeros((len(field.weights), len(self._candidates)))
        for chosen, sign in self._subsets:
            kept = field.weights * field.met[:, list(chosen)].all(axis=1)
            joint += sign * kept[:, None] * field.met[:, self._candidates] * self._by_candidate(others, chosen)
        stated = float((joint * self._weights).max(axis=1).sum()) / self._evidence
        silent = float((self._weights * self.accepted()).max())
        return TOLD * stated + (1 - TOLD) * silent

    def _joint(self, also: tuple[int, ...]) -> Floats:
        """Return the probability that each candidate and all of `also` are accepted, `[candidates]`."""
        terms = [sign * self._by_candidate(self._fields, (*chosen, *also)) for chosen, sign in self._subsets]
        joint: Floats = np.clip(np.sum(terms, axis=0) / self._evidence, 0.0, 1.0)
        return joint

    def _by_candidate(self, fields: Sequence[Hypotheses], chosen: tuple[int, ...]) -> Floats:
        product = np.ones(len(self._candidates))
        for field in fields:
            kept = field.weights * field.met[:, list(chosen)].all(axis=1)
            product *= kept @ field.met[:, self._candidates]
        return product

    def _all(self, chosen: tuple[int, ...]) -> float:
        return float(
            np.prod([(field.weights * field.met[:, list(chosen)].all(axis=1)).sum() for field in self._fields])
        )


def _signed_subsets(rejected: Sequence[int]) -> Iterator[tuple[tuple[int, ...], int]]:
    subsets = chain.from_iterable(combinations(rejected, size) for size in range(len(rejected) + 1))
    return ((chosen, (-1) ** len(chosen)) for chosen in subsets)
