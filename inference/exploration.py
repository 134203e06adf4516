"""Lists that explore: filter first, sample last, and log with which probability each item came to its place.

A share of the lists is drawn by Plackett-Luce (Luce 1959; Plackett, Applied Statistics 1975) over the best of the
ranking: place by place, a row that is open gets it with a probability proportional to exp(score / temperature). What
is open follows from the plan's pins and quotas (`inference.slate`). The draw is by Gumbel-top-k (Yellott 1977; Kool,
van Hoof and Welling, ICML 2019): one sort by score plus noise, which is the same law.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.slate import Bools, SlateLimits, SlateRules, compose, open_rows
from schemas.ids import ItemId
from schemas.ranking_log import Draw, DrawQuota

Doubles = NDArray[np.float64]


class Exploration(Struct, frozen=True, kw_only=True):
    """How lists explore: the share of them that is drawn, how boldly, and from how many of the best candidates.

    At temperature 1 the ranker's scores are taken as what they were trained to be, logarithms of how likely each
    candidate is chosen; lower is nearer to the list that exploits. A plan's own rate goes before `rate`.
    """

    rate: float = 0.0
    temperature: float = 1.0
    top: int = 30

    def rng(self, seed: int, plan_rate: float = 0.0) -> np.random.Generator | None:
        """What to draw the list of this seed with; none if it is among those that exploit.

        The same seed gives the same list, whenever it is made again.

        >>> Exploration().rng(7) is None
        True
        >>> Exploration(rate=1.0).rng(7).random() == Exploration().rng(7, plan_rate=1.0).random()
        True
        """
        rate = plan_rate or self.rate
        if rate <= 0.0:
            return None
        rng = np.random.default_rng(seed)
        return rng if rng.random() < rate else None


def pool_of(rules: SlateRules, top: int) -> list[int]:
    """The rows that a list is drawn from, best first: the `top` best, and those of the list that exploits.

    The latter are needed where pins or quotas reach below the top, or the top is too small for a list.

    >>> pool_of(SlateRules(rows=9, size=2, pinned=(7,)), 3)
    [0, 1, 2, 7]
    """
    return sorted({*range(min(top, rules.rows)), *compose(rules)})


def draw(
    scores: Doubles, temperature: float, rules: SlateRules, rng: np.random.Generator
) -> tuple[list[int], list[float]]:
    """A slate's rows, and for each the probability that it was drawn given the rows above it.

    One noise serves as long as what is open only shrinks; where it grows (a pin or a quota is done with) there is a
    new one, for the old one says something of what was not open.

    >>> draw(np.array([0.0, 9e9]), 1.0, SlateRules(rows=2, size=1), np.random.default_rng(0))
    ([1], [1.0])
    """
    logits = scores / temperature
    rows: list[int] = []
    opened: list[Bools] = []
    noise = rng.gumbel(size=rules.rows)
    placed = np.zeros(rules.rows, np.bool_)
    for place in range(rules.places):
        free = open_rows(rules, placed, place)
        if opened and (free & ~opened[-1]).any():
            noise = rng.gumbel(size=rules.rows)
        row = int(np.where(free, logits + noise, -np.inf).argmax())
        if not free[row]:
            break
        opened.append(free)
        rows.append(row)
        placed[row] = True
    if not rows:
        return [], []
    return rows, shares(logits, np.stack(opened))[np.arange(len(rows)), rows].tolist()


def shares(logits: Doubles, free: Bools) -> Doubles:
    """The softmax over what is open, `[.., rows]`; zero elsewhere and where nothing is.

    >>> shares(np.array([1.0, 1.0, 5.0]), np.array([True, True, False])).tolist()
    [0.5, 0.5, 0.0]
    """
    shown = np.where(free, logits, -np.inf)
    top = shown.max(axis=-1, keepdims=True)
    weights = np.exp(shown - np.where(np.isfinite(top), top, 0.0))
    sums: Doubles = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300)
    return sums


class Drawn(Struct, frozen=True):
    """A slate that was drawn: its rows, their propensities, and what the log says of it."""

    rows: list[int]
    propensities: list[float]
    log: Draw


def draw_list(
    how: Exploration,
    seed: int,
    ranked: Sequence[ItemId],
    scores: NDArray[np.float32],
    features: NDArray[np.float32],
    rules: SlateRules,
    rng: np.random.Generator,
) -> Drawn:
    """Draw a slate of `ranked` (best first, with their `scores` and `features [rows, features]`)."""
    pool = pool_of(rules, how.top)
    logged: Doubles = scores[pool].astype(np.float64).round(6)
    within = narrowed(rules, pool)
    rows, propensities = draw(logged, how.temperature, within, rng)
    rest = sorted(set(range(len(pool))) - set(rows))
    log = Draw(
        seed=seed,
        temperature=how.temperature,
        size=rules.size,
        items=tuple(ranked[row] for row in pool),
        scores=tuple(logged.tolist()),
        features=np.ascontiguousarray(features[[pool[row] for row in rest]], dtype="<f4").tobytes(),
        pinned=within.pinned,
        quotas=_quotas(within.limits),
    )
    return Drawn([pool[row] for row in rows], propensities, log)


def narrowed(rules: SlateRules, pool: Sequence[int]) -> SlateRules:
    """The same rules over these rows alone; pins must be among them.

    >>> narrowed(SlateRules(rows=9, size=2, pinned=(7,)), [0, 1, 7]).pinned
    (2,)
    """
    at = {row: place for place, row in enumerate(pool)}
    limits = rules.limits
    if limits is not None:
        limits = SlateLimits(limits.members[:, list(pool)], limits.at_least, limits.at_most)
    return SlateRules(rows=len(pool), size=rules.size, pinned=tuple(at[row] for row in rules.pinned), limits=limits)


def _quotas(limits: SlateLimits | None) -> tuple[DrawQuota, ...]:
    if limits is None:
        return ()
    return tuple(
        DrawQuota(rows=tuple(np.flatnonzero(members).tolist()), at_least=at_least, at_most=at_most)
        for members, at_least, at_most in zip(
            limits.members, limits.at_least.tolist(), limits.at_most.tolist(), strict=True
        )
    )


def rules_of_draw(log: Draw) -> SlateRules:
    """The rules under which a logged list was drawn: the inverse of what `draw_list` logs."""
    rows, limits = len(log.items), None
    if log.quotas:
        members = np.zeros((len(log.quotas), rows), np.bool_)
        for place, quota in enumerate(log.quotas):
            members[place, list(quota.rows)] = True
        limits = SlateLimits(
            members,
            np.array([quota.at_least for quota in log.quotas]),
            np.array([quota.at_most for quota in log.quotas]),
        )
    return SlateRules(rows=rows, size=log.size, pinned=log.pinned, limits=limits)
