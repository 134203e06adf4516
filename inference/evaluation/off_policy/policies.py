"""Ways to fill a slate, as probabilities: what a policy would have done where another one did something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from inference.exploration import Doubles, shares
from inference.slate import Bools, SlateRules, open_rows


class LoggedPolicy(Struct, frozen=True):
    """A way to fill slates: Plackett-Luce over `scores` (float64 `[rows]`), or at temperature 0 the best first."""

    scores: Doubles
    temperature: float = 0.0

    def shares(self, free: Bools) -> Doubles:
        """With which probability each row takes a place for which `free` (bool `[.., rows]`) is open: `[.., rows]`.

        >>> LoggedPolicy(np.array([1.0, 2.0, 2.0])).shares(np.array([True, True, True])).tolist()
        [0.0, 1.0, 0.0]
        """
        if self.temperature > 0.0:
            return shares(self.scores / self.temperature, free)
        best = np.where(free, self.scores, -np.inf).argmax(axis=-1)[..., None]
        certain = np.zeros(free.shape)
        np.put_along_axis(certain, best, np.take_along_axis(free, best, axis=-1), axis=-1)
        return certain


def along(policy: LoggedPolicy, rules: SlateRules, rows: Sequence[int]) -> Doubles:
    """What the policy would put at each place under these rows above it: `[places, rows]`, each sums to 1.

    >>> along(LoggedPolicy(np.zeros(3), 1.0), SlateRules(rows=3, size=2), [0, 1]).round(2).tolist()
    [[0.33, 0.33, 0.33], [0.0, 0.5, 0.5]]
    """
    placed = np.zeros((len(rows), rules.rows), np.bool_)
    for place, row in enumerate(rows[:-1]):
        placed[place + 1 :, row] = True
    free = [open_rows(rules, placed[place], place) for place in range(len(rows))]
    return policy.shares(np.stack(free)) if free else np.zeros((0, rules.rows))


def marginals(policy: LoggedPolicy, rules: SlateRules, places: int, rng: np.random.Generator, *, draws: int) -> Doubles:
    """How often the policy puts each row at each place, whatever stands above: `[places, rows]`.

    Exact for a policy without chance. Otherwise the mean of `shares` over so many drawn slates, which varies far less
    than counting how often each row was drawn (Rao-Blackwell).

    >>> policy, rules = LoggedPolicy(np.array([1.0, 2.0])), SlateRules(rows=2, size=2)
    >>> marginals(policy, rules, 2, np.random.default_rng(0), draws=9).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    many = draws if policy.temperature > 0.0 else 1
    placed = np.zeros((many, rules.rows), np.bool_)
    found = np.zeros((places, rules.rows))
    for place in range(places):
        shares = policy.shares(open_rows(rules, placed, place))
        found[place] = shares.mean(axis=0)
        if place + 1 < places:
            placed |= _drawn(shares, rng)
    return found


def _drawn(shares: Doubles, rng: np.random.Generator) -> Bools:
    """One row of each line, by these probabilities, as a mask `[draws, rows]`; none where all are zero."""
    upto = shares.cumsum(axis=-1)
    at = (rng.random((len(shares), 1)) * upto[:, -1:] < upto).argmax(axis=-1)
    mask = np.zeros(shares.shape, np.bool_)
    mask[np.arange(len(shares)), at] = upto[:, -1] > 0.0
    return mask
