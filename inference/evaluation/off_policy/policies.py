"""Policies that fill slates, as probabilities: what a policy would have shown where another one was logged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from inference.exploration import Doubles, shares
from inference.slate import Bools, SlateRules, open_rows


class LoggedPolicy(Struct, frozen=True):
    """A policy that fills slates: Plackett-Luce over `scores` (float64 `[rows]`), or at temperature 0 best first."""

    scores: Doubles
    temperature: float = 0.0

    def shares(self, free: Bools) -> Doubles:
        """Return the probability that each row gets a slot for which `free` (bool `[.., rows]`) is open: `[.., rows]`.

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
    """Return the policy's probabilities at each slot given these rows above it: `[slots, rows]`, each sums to 1.

    >>> along(LoggedPolicy(np.zeros(3), 1.0), SlateRules(rows=3, size=2), [0, 1]).round(2).tolist()
    [[0.33, 0.33, 0.33], [0.0, 0.5, 0.5]]
    """
    placed = np.zeros((len(rows), rules.rows), np.bool_)
    for slot, row in enumerate(rows[:-1]):
        placed[slot + 1 :, row] = True
    free = [open_rows(rules, placed[slot], slot) for slot in range(len(rows))]
    return policy.shares(np.stack(free)) if free else np.zeros((0, rules.rows))


def marginals(policy: LoggedPolicy, rules: SlateRules, slots: int, rng: np.random.Generator, *, draws: int) -> Doubles:
    """Return the probability that the policy puts each row in each slot, whatever is above it: `[slots, rows]`.

    Exact for a deterministic policy. Otherwise the mean of `shares` over `draws` drawn slates, which varies far less
    than counting how often each row was drawn (Rao-Blackwell).

    >>> policy, rules = LoggedPolicy(np.array([1.0, 2.0])), SlateRules(rows=2, size=2)
    >>> marginals(policy, rules, 2, np.random.default_rng(0), draws=9).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    slates = draws if policy.temperature > 0.0 else 1
    placed = np.zeros((slates, rules.rows), np.bool_)
    probabilities = np.zeros((slots, rules.rows))
    for slot in range(slots):
        shares = policy.shares(open_rows(rules, placed, slot))
        probabilities[slot] = shares.mean(axis=0)
        if slot + 1 < slots:
            placed |= _drawn(shares, rng)
    return probabilities


def _drawn(shares: Doubles, rng: np.random.Generator) -> Bools:
    """Draw one row per line by these probabilities, as a mask `[draws, rows]`; none where all are zero."""
    cumulative = shares.cumsum(axis=-1)
    drawn = (rng.random((len(shares), 1)) * cumulative[:, -1:] < cumulative).argmax(axis=-1)
    mask = np.zeros(shares.shape, np.bool_)
    mask[np.arange(len(shares)), drawn] = cumulative[:, -1] > 0.0
    return mask
