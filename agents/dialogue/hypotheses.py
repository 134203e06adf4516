"""What limits a person may have and has not stated: hypotheses by field, each with its probability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.dialogue.catalogue import Concept, FactField, OfferedCatalogue
from agents.dialogue.limits import FactLimit, Facts, Operator, Value, keeps_all, year_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LIMITED: dict[Concept | None, float] = {
    "kind": 0.6,
    "length": 0.4,
    "score": 0.4,
    "age": 0.4,
    "price": 0.4,
    "maker": 0.4,
    "cast": 0.4,
    "service": 0.3,
    "date": 0.3,
    "count": 0.1,
    "sponsored": 0.0,
    None: 0.2,
}
"""How probable it is that a person limits a field, by what the field is about: judgement, not measurement."""
TOLD = 0.7
"""How probable it is that a person who is asked about a field tells of their limit on it."""
ANOTHER = 0.25
"""How much less probable a second limit on a field is than the first."""
_THRESHOLDS = 8
_MOST_NAMES, _MOST_PAIRED, _MOST_COMBINED = 100, 12, 6
_USUAL_SIDE: dict[Concept | None, Operator] = {"score": ">=", "count": ">=", "price": "<="}
_UNUSUAL = 0.1
"""How probable a limit on the other side is, compared with one on the usual side: a lowest price, a highest rating."""


class Hypotheses(Struct, frozen=True):
    """Limits that a person may have on one field, or on none: `weights` `[hypotheses]`, which sum to one.

    `met` `[hypotheses, items]` says which items keep to each. The first hypothesis is that there is no limit.
    """

    field: str
    weights: Floats
    met: Bools

    def without(self, item: int) -> Hypotheses:
        """Return the hypotheses after the person said that this field is wrong with an item."""
        weights = np.where(self.met[:, item], 0.0, self.weights)
        total = weights.sum()
        return self if total <= 0 else Hypotheses(self.field, weights / total, self.met)


def hypotheses_on(field: FactField, catalogue: OfferedCatalogue, items: Sequence[Facts], limited: float) -> Hypotheses:
    """Return what limits a person may have on a field, who has any with probability `limited`.

    >>> from agents.dialogue.catalogue import ItemOnOffer
    >>> films = OfferedCatalogue([ItemOnOffer(name, name, {"genre": name}) for name in ("Drama", "Crime")])
    >>> found = hypotheses_on(films.fields["genre"], films, [item.facts for item in films.items.values()], 0.5)
    >>> found.weights.round(2).tolist(), found.met.tolist()
    ([0.5, 0.25, 0.25], [[True, True], [True, False], [False, True]])
    """
    options = list(_options(field, catalogue, items))
    met = np.array([[True] * len(items), *([keeps_all(facts, limits) for facts in items] for limits in options)])
    met = met.reshape(len(options) + 1, len(items))
    shares = np.array([_share(field, limits) for limits in options])
    stated = limited * shares / shares.sum() if options else shares
    return Hypotheses(field.name, np.concatenate(([1.0 - stated.sum()], stated)), met)


def probability_limited(field: FactField, *, asked: bool, limited: bool) -> float:
    """Return how probable a limit on a field is that was not stated.

    By Bayes' rule, once a person was asked: who tells nothing has no limit, or does not tell it.
    """
    prior = LIMITED[field.concept] * field.coverage
    if limited:
        prior *= ANOTHER
    if asked:
        prior = prior * (1 - TOLD) / (prior * (1 - TOLD) + 1 - prior)
    return prior


def _share(field: FactField, limits: Sequence[FactLimit]) -> float:
    usual = _USUAL_SIDE.get(field.concept)
    return 1.0 if usual is None or all(limit.op == usual for limit in limits) else _UNUSUAL


def _options(field: FactField, catalogue: OfferedCatalogue, items: Sequence[Facts]) -> Iterator[tuple[FactLimit, ...]]:
    if field.kind in ("number", "date"):
        yield from _thresholds(field, catalogue)
    elif field.kind in ("name", "names"):
        here = set(chain.from_iterable(_names(facts.get(field.name)) for facts in items))
        values = [value for value in field.values if value in here][:_MOST_NAMES]
        yield from ((limit,) for limit in _choices(field, values))


def _choices(field: FactField, values: Sequence[str]) -> Iterator[FactLimit]:
    """Yield the limits on names of the items at hand: each name, none of it, and some in combination."""
    if field.kind == "name":
        most = len(values) - 1 if len(values) <= _MOST_COMBINED else 1
        for size in range(1, most + 1):
            yield from (FactLimit(field.name, "in", chosen) for chosen in combinations(values, size))
        return
    yield from (FactLimit(field.name, "contains", value) for value in values)
    yield from (FactLimit(field.name, "not_contains", value) for value in values)
    pairs = combinations(values[:_MOST_PAIRED], 2) if field.concept == "service" else ()
    yield from (FactLimit(field.name, "contains_any", pair) for pair in pairs)


def _names(fact: Value | None) -> tuple[str, ...]:
    return fact if isinstance(fact, tuple) else () if fact is None else (str(fact),)


def _thresholds(field: FactField, catalogue: OfferedCatalogue) -> Iterator[tuple[FactLimit, ...]]:
    """Yield lower and upper limits at quantiles of the catalogue, and ranges between two of them."""
    facts = [item.facts.get(field.name) for item in catalogue.items.values()]
    numbers = [n for fact in facts if fact is not None and (n := _number(fact, field)) is not None]
    if not numbers:
        return
    cuts = sorted(
        set(np.quantile(numbers, np.arange(1, _THRESHOLDS + 1) / (_THRESHOLDS + 1), method="nearest").tolist())
    )
    lower, upper = ([FactLimit(field.name, op, cut) for cut in cuts] for op in (">=", "<="))
    yield from ((limit,) for limit in (*lower, *upper))
    yield from ((low, high) for i, low in enumerate(lower) for high in upper[i + 2 :: 2])


def _number(fact: object, field: FactField) -> float | None:
    if field.kind == "date":
        return year_of(fact) if isinstance(fact, str) else None
    return float(fact) if isinstance(fact, int | float) else None
