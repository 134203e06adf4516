"""Lists that explore: filter first, sample last, and log the probability with which each item got its slot.

A share of the lists is drawn by Plackett-Luce (Luce 1959; Plackett, Applied Statistics 1975) over the best of the
ranking: slot by slot, an open row gets it with a probability proportional to exp(score / temperature). Which rows are
open follows from the plan's pins and quotas (`inference.slate`). The draw is by Gumbel-top-k (Yellott 1977; Kool, van
Hoof and Welling, ICML 2019): one sort by score plus noise, which has the same distribution.
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

    At temperature 1 the ranker's scores are read as what they are trained to be, log-probabilities of the choice up to
    a constant; lower is nearer to the list that exploits. A plan's own rate overrides `rate`.
    """

    rate: float = 0.0
    temperature: float = 1.0
    top: int = 30

    def rng(self, seed: int, plan_rate: float = 0.0) -> np.random.Generator | None:
        """Return the generator that draws the list of this seed; none if the list exploits.

        The same seed gives the same list on every replay.

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
    """Return the rows that a list is drawn from, best first: the `top` best, and those of the list that exploits.

    The latter are needed where pins or quotas reach below the top, or the top is too small for a list.

    >>> pool_of(SlateRules(rows=9, size=2, pinned=(7,)), 3)
    [0, 1, 2, 7]
    """
    return sorted({*range(min(top, rules.rows)), *compose(rules)})


def draw(
    scores: Doubles, temperature: float, rules: SlateRules, rng: np.random.Generator
) -> tuple[list[int], list[float]]:
    """Draw a slate: its rows, and for each the probability that it was drawn given the rows above it.

    One noise serves as long as the set of open rows only shrinks; where it grows (a pin or a quota is filled) new noise
    is drawn, as the old noise is conditioned on what was not open.

    >>> draw(np.array([0.0, 9e9]), 1.0, SlateRules(rows=2, size=1), np.random.default_rng(0))
    ([1], [1.0])
    """
    logits = scores / temperature
    rows: list[int] = []
    opened: list[Bools] = []
    noise = rng.gumbel(size=rules.rows)
    placed = np.zeros(rules.rows, np.bool_)
    for slot in range(rules.slots):
        free = open_rows(rules, placed, slot)
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
    """Return the softmax over open rows, `[.., rows]`; zero for closed rows and where none is open.

    >>> shares(np.array([1.0, 1.0, 5.0]), np.array([True, True, False])).tolist()
    [0.5, 0.5, 0.0]
    """
    shown = np.where(free, logits, -np.inf)
    top = shown.max(axis=-1, keepdims=True)
    weights = np.exp(shown - np.where(np.isfinite(top), top, 0.0))
    probabilities: Doubles = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300)
    return probabilities


class Drawn(Struct, frozen=True):
    """A slate that was drawn: its rows, their propensities, and its log entry."""

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
    pool_rules = narrowed(rules, pool)
    rows, propensities = draw(logged, how.temperature, pool_rules, rng)
    rest = sorted(set(range(len(pool))) - set(rows))
    log = Draw(
        seed=seed,
        temperature=how.temperature,
        size=rules.size,
        items=tuple(ranked[row] for row in pool),
        scores=tuple(logged.tolist()),
        features=np.ascontiguousarray(features[[pool[row] for row in rest]], dtype="<f4").tobytes(),
        pinned=pool_rules.pinned,
        quotas=_quotas(pool_rules.limits),
    )
    return Drawn([pool[row] for row in rows], propensities, log)


def narrowed(rules: SlateRules, pool: Sequence[int]) -> SlateRules:
    """Return the same rules over these rows alone; pins must be among them.

    >>> narrowed(SlateRules(rows=9, size=2, pinned=(7,)), [0, 1, 7]).pinned
    (2,)
    """
    new_row = {row: index for index, row in enumerate(pool)}
    limits = rules.limits
    if limits is not None:
        limits = SlateLimits(limits.members[:, list(pool)], limits.at_least, limits.at_most)
    return SlateRules(
        rows=len(pool), size=rules.size, pinned=tuple(new_row[row] for row in rules.pinned), limits=limits
    )


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
    """Return the rules under which a logged list was drawn: the inverse of what `draw_list` logs."""
    rows, limits = len(log.items), None
    if log.quotas:
        members = np.zeros((len(log.quotas), rows), np.bool_)
        for index, quota in enumerate(log.quotas):
            members[index, list(quota.rows)] = True
        limits = SlateLimits(
            members,
            np.array([quota.at_least for quota in log.quotas]),
            np.array([quota.at_most for quota in log.quotas]),
        )
    return SlateRules(rows=rows, size=log.size, pinned=log.pinned, limits=limits)
