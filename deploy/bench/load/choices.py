"""Who clicks on what: synthetic users with a few categories each, and items by Zipf's law."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from deploy.bench.plan import Skew

CATEGORY_COUNT = 20
USER_EXPONENT = 0.6
"""How unevenly users act: fitted to events by user, MovieTweetings gives 0.5 to 0.55 and Online Retail 0.65."""
ITEM_EXPONENT = 1.3
_CHUNK = 1_000


def user_shares(users: int, skew: Skew) -> NDArray[np.float64]:
    """Return the share of events of each user, most active first; they sum to 1.

    >>> user_shares(4, "uniform").tolist()
    [0.25, 0.25, 0.25, 0.25]
    >>> user_shares(4, "zipf").round(2).tolist()
    [0.38, 0.25, 0.2, 0.17]
    """
    ranks = np.arange(1, users + 1, dtype=np.float64)
    weights = ranks ** (-USER_EXPONENT if skew == "zipf" else 0.0)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def choices(users: int, items: int, seed: int, skew: Skew = "zipf") -> Iterator[tuple[str, str]]:
    """Yield (user, item) without end."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(user_shares(users, skew))
    while True:
        user_numbers = np.minimum(np.searchsorted(ends, rng.random(_CHUNK), side="right"), users - 1)
        item_numbers = _items(user_numbers, items, rng)
        pairs = zip(user_numbers.tolist(), item_numbers.tolist(), strict=True)
        yield from ((f"user-{user}", f"item-{item}") for user, item in pairs)


def choices_of(user: int, items: int, seed: int) -> Iterator[str]:
    """Yield the items of one user without end."""
    rng = np.random.default_rng((seed, user))
    numbers = np.full(_CHUNK, user)
    while True:
        yield from (f"item-{item}" for item in _items(numbers, items, rng).tolist())


def _items(user_numbers: NDArray[np.int64], items: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return an item for each user: by Zipf's law, within one of the user's three categories."""
    rank = np.minimum(rng.zipf(ITEM_EXPONENT, len(user_numbers)), items) - 1
    category = (user_numbers * 7 + rng.integers(0, 3, len(user_numbers))) % CATEGORY_COUNT
    chosen: NDArray[np.int64] = (rank // CATEGORY_COUNT * CATEGORY_COUNT + category) % items
    return chosen
