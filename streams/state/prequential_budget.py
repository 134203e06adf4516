"""How many prequential queries a worker ranks: under load, lists come before learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Query = TypeVar("Query")


class PrequentialBudget:
    """A token bucket: `per_second` prequential queries (0 is no bound); it saves one second's worth at most, or one.

    A prequential query costs about as much as a list. Choices that get none are folded as all others are; those that
    get one are spread over each batch.

    >>> budget = PrequentialBudget(per_second=2.0)
    >>> budget.spent(range(9), most=4, now=100.0), budget.spent(range(9), most=4, now=100.5)
    ([0, 4], [0])
    >>> PrequentialBudget().spent(range(9), most=3, now=100.0)
    [0, 3, 6]
    """

    def __init__(self, *, per_second: float = 0.0) -> None:
        self._per_second = per_second
        self._saved = self._most = max(1.0, per_second)
        self._at: float | None = None

    def spent(self, queries: Sequence[Query], *, most: int, now: float) -> list[Query]:
        """Return those of a batch's queries that are ranked, at most `most`; `now` is the wall clock in seconds."""
        if self._per_second <= 0.0:
            return _spread(queries, most)
        elapsed = max(0.0, now - self._at) if self._at is not None else 0.0
        self._saved, self._at = min(self._most, self._saved + elapsed * self._per_second), now
        ranked = _spread(queries, min(most, int(self._saved)))
        self._saved -= len(ranked)
        return ranked


def _spread(queries: Sequence[Query], most: int) -> list[Query]:
    if len(queries) <= most:
        return list(queries)
    return [queries[index * len(queries) // most] for index in range(most)]
