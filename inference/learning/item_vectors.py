"""Item vectors learned from what people choose next."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from inference.learning.checkpoint import VectorsSnapshot, pack, pack_random, unpack, unpack_random
from schemas.ids import ItemId, UserId

DIMENSIONS = 32
PEOPLE = 50_000
STEPS = 20
FADE = 0.9
NEGATIVES = 32
RECENT_CHOICES = 8_192
RATE = 0.15


class ItemVectors:
    """One vector per item, so that the faded mean over a person's recent items agrees with the item chosen next.

    Sampled softmax over the choice and `NEGATIVES` recent choices of anybody, which draws items by their present
    popularity; a step of Adagrad on the vectors concerned. Same choices, same order, same vectors.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._number: dict[ItemId, int] = {}
        self._ids: list[ItemId] = []
        self._vectors = np.zeros((256, DIMENSIONS), np.float32)
        self._squares = np.full(256, 0.1, np.float32)
        self._people: OrderedDict[UserId, tuple[int, ...]] = OrderedDict()
        self._choices = np.zeros(RECENT_CHOICES, np.int64)
        self._seen = 0

    def learn(self, user: UserId, item: ItemId) -> None:
        """Learn from one choice, then remember it."""
        number = self._numbered(item)
        recent = self._people.pop(user, ())
        if recent and self._seen > NEGATIVES:
            self._step(np.array(recent, np.int64), number)
        self._people[user] = (number, *(known for known in recent if known != number))[:STEPS]
        if len(self._people) > PEOPLE:
            self._people.popitem(last=False)
        self._choices[self._seen % RECENT_CHOICES] = number
        self._seen += 1

    def export(self) -> tuple[tuple[ItemId, ...], NDArray[np.float32]]:
        """Ids and vectors of all items, `[items, 32]`."""
        return tuple(self._ids), self._vectors[: len(self._ids)].copy()

    def snapshot(self) -> VectorsSnapshot:
        """What `restore` needs."""
        return VectorsSnapshot(
            random=pack_random(self._rng),
            ids=self._ids,
            vectors=pack(self._vectors),
            squares=pack(self._squares),
            people=list(self._people.items()),
            choices=pack(self._choices),
            seen=self._seen,
        )

    def restore(self, kept: VectorsSnapshot) -> None:
        """Become what was kept."""
        self._rng = unpack_random(kept.random)
        self._ids = list(kept.ids)
        self._number = {item: number for number, item in enumerate(kept.ids)}
        self._vectors = unpack(kept.vectors).astype(np.float32, copy=False)
        self._squares = unpack(kept.squares).astype(np.float32, copy=False)
        self._people = OrderedDict(kept.people)
        self._choices = unpack(kept.choices).astype(np.int64, copy=False)
        self._seen = kept.seen

    def _numbered(self, item: ItemId) -> int:
        number = self._number.setdefault(item, len(self._ids))
        if number == len(self._ids):
            self._ids.append(item)
            if number == len(self._vectors):
                self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
                self._squares = np.concatenate([self._squares, np.full_like(self._squares, 0.1)])
            self._vectors[number] = self._rng.standard_normal(DIMENSIONS) / np.sqrt(DIMENSIONS)
        return number

    def _step(self, recent: NDArray[np.int64], number: int) -> None:
        trace = (FADE ** np.arange(len(recent))).astype(np.float32)
        trace /= trace.sum()
        drawn = self._choices[self._rng.integers(0, min(self._seen, RECENT_CHOICES), NEGATIVES)]
        others = np.append(drawn[drawn != number], number)
        person, theirs = trace @ self._vectors[recent], self._vectors[others]
        scores = theirs @ person
        error = np.exp(scores - scores.max())
        error /= error.sum()
        error[-1] -= 1.0
        self._move(others, error[:, None] * person)
        self._move(recent, trace[:, None] * (error @ theirs))

    def _move(self, numbers: NDArray[np.int64], slopes: NDArray[np.float32]) -> None:
        np.add.at(self._squares, numbers, (slopes * slopes).mean(axis=1))
        rates = RATE / np.sqrt(self._squares[numbers])
        np.add.at(self._vectors, numbers, -rates[:, None] * slopes)
