"""The item factors of `features.item_factors`, learned with the ranker from its errors.

A choice among candidates moves the factors by the same error as the network's weights, that of the softmax over the
candidates, as if the affinity were added to the scores. So factors learn what the other features do not explain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.item_factors import (
    APPEAL,
    FACTOR_DIMENSIONS,
    FACTOR_HISTORY,
    FACTOR_WIDTH,
    LEAN,
    SPREAD,
    TASTE,
    direction,
    fading,
)
from inference.learning.checkpoint import VectorsSnapshot, pack, unpack
from schemas.ids import ItemId, message_id

FACTOR_RATE = 0.1
INITIAL_SQUARES = (0.01, 0.01, 0.1)
"""The initial Adagrad sums of appeal, taste and lean."""


class ItemVectors:
    """A row of factors per item, moved by Adagrad (one sum of squares each for appeal, taste and lean).

    An item's first row follows from its id and the seed: its appeal begins near zero (`SPREAD`), its taste at about
    length 1, its lean at zero. The same choices in the same order give the same rows.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number: dict[ItemId, int] = {}
        self._ids: list[ItemId] = []
        self._rows = np.zeros((256, FACTOR_WIDTH), np.float32)
        self._squares = np.zeros((256, 3), np.float32)
        self._moved: set[int] = set()

    def learn(self, items: Sequence[ItemId], newest: Sequence[ItemId], error: NDArray[np.float32]) -> None:
        """Learn from one choice: `error[k]` is the softmax share of item k less its target, and `newest` are the user's
        items before it, newest first.
        """
        candidates, own = self._numbered(items), self._numbered(newest[:FACTOR_HISTORY])
        heading = direction(self._rows[own, TASTE])
        back = error @ self._rows[candidates, APPEAL]
        self._move(candidates, LEAN, 2, error[:, None])
        if len(own):
            self._move(candidates, APPEAL, 0, error[:, None] * heading)
            self._move(own, TASTE, 1, fading(len(own))[:, None] * back)

    def export(self, *, moved_only: bool = False) -> tuple[tuple[ItemId, ...], NDArray[np.float32]]:
        """Return ids and rows of all items, `[items, WIDTH]`, or of those that have moved since the last export."""
        numbers = sorted(self._moved) if moved_only else range(len(self._ids))
        self._moved = set()
        return tuple([self._ids[number] for number in numbers]), self._rows[list(numbers)]

    def snapshot(self) -> VectorsSnapshot:
        """Return the state for `restore`."""
        size = len(self._ids)
        return VectorsSnapshot(ids=self._ids, rows=pack(self._rows[:size]), squares=pack(self._squares[:size]))

    def restore(self, snapshot: VectorsSnapshot) -> None:
        """Restore all factors from a snapshot."""
        self._ids = list(snapshot.ids)
        self._number = {item: number for number, item in enumerate(snapshot.ids)}
        self._rows = unpack(snapshot.rows).astype(np.float32, copy=False)
        self._squares = unpack(snapshot.squares).astype(np.float32, copy=False)
        self._moved = set(range(len(self._ids)))

    def _numbered(self, items: Sequence[ItemId]) -> NDArray[np.int64]:
        for item in items:
            if item not in self._number:
                self._add(item)
        return np.array([self._number[item] for item in items], np.int64)

    def _add(self, item: ItemId) -> None:
        number = self._number[item] = len(self._ids)
        self._ids.append(item)
        if number >= len(self._rows):
            more = max(256, len(self._rows))
            self._rows = np.concatenate([self._rows, np.zeros((more, FACTOR_WIDTH), np.float32)])
            self._squares = np.concatenate([self._squares, np.zeros((more, 3), np.float32)])
        rng = np.random.default_rng([self._seed, int(message_id("factors", 0, 0, item), 16)])
        self._rows[number, APPEAL] = SPREAD * rng.standard_normal(FACTOR_DIMENSIONS)
        self._rows[number, TASTE] = rng.standard_normal(FACTOR_DIMENSIONS) / np.sqrt(FACTOR_DIMENSIONS)
        self._squares[number] = INITIAL_SQUARES
        self._moved.add(number)

    def _move(self, numbers: NDArray[np.int64], part: slice, kind: int, slopes: NDArray[np.float32]) -> None:
        self._squares[numbers, kind] += (slopes * slopes).mean(axis=1)
        self._rows[numbers, part] -= (FACTOR_RATE / np.sqrt(self._squares[numbers, kind]))[:, None] * slopes
        self._moved.update(numbers.tolist())
