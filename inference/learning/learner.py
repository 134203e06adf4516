"""The learner: reads the ranking log in order, learns from each example once and from a few past ones again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import numpy as np
import torch
from numpy.typing import NDArray

from features.views import feature_schema_id
from inference.learning.checkpoint import Snapshot, decode, encode, pack, pack_random, unpack, unpack_random
from inference.learning.examples import Example, Pending, Ring, from_choice, from_outcome
from inference.learning.item_vectors import ItemVectors
from inference.learning.torch_network import flatten, slope, unflatten
from inference.learning.weights_file import Weights
from inference.ranking.network import Arrays, forward, initial
from schemas.ids import ItemId
from schemas.ranking_log import Choice, ListOutcome, Ranked, RankingLogEntry

RATE = 0.1
EPSILON = 1e-6
START_SUM = 0.01
REPLAYS = 2
RING = 4_096
PENDING = 10_000
MEMORY = 1_000
"""Over about how many exams prequential scores are averaged."""
REPEAT_PRIOR = 50.0
"""How many choices that repeat nothing are assumed before the first."""


_STORED = {
    "exams": "prequential_queries",
    "foreign": "foreign",
    "_reciprocal_rank": "_reciprocal_rank",
    "_hits": "_hits",
    "_repeats": "_repeats",
}
"""Counters by the name under which a checkpoint stores them."""


class Learner:
    """Learns the network by softmax over candidates and Adagrad (Duchi et al., JMLR 2011), one step per example.

    The same entries in the same order give bit-identical weights, however they were divided into calls. Entries of
    another feature table are counted in `foreign` and passed over. With `vectors` item factors are learned too. `rate`
    is how fast it learns, where 1 is usual, and `replays` how many past examples are learned again with each new one.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        *,
        seed: int = 0,
        vectors: bool = False,
        rate: float = 1.0,
        replays: int = REPLAYS,
    ) -> None:
        torch.set_num_threads(1)
        self._rate = rate * RATE
        self._replays = replays
        self.table = feature_schema_id(columns)
        self._width = len(columns)
        start = initial(columns)
        shapes = {name: part.shape for name, part in start.items()}
        self._flat = flatten(start)
        self._parts = unflatten(self._flat, shapes)
        self._arrays: Arrays = {name: part.numpy() for name, part in self._parts.items()}
        self._steepest = torch.zeros_like(self._flat)
        self._slopes = unflatten(self._steepest, shapes)
        self._squares = torch.full_like(self._flat, START_SUM)
        self._rng = np.random.default_rng(seed)
        self._organic = Ring(RING, self._width)
        self._shown = Ring(RING // 4, self._width)
        self._pending = Pending(PENDING)
        self._vectors = ItemVectors(seed) if vectors else None
        self.prequential_queries = 0
        self.foreign = 0
        self._reciprocal_rank = 0.0
        self._hits = 0.0
        self._repeats = 0.0

    @property
    def examples(self) -> int:
        """How many examples were learned from: organic and shown."""
        return self._organic.added + self._shown.added

    @property
    def score(self) -> float:
        """Prequential mean reciprocal rank of the last exams or so."""
        return self._mean(self._reciprocal_rank)

    @property
    def hit_rate(self) -> float:
        """Prequential share of the last exams or so whose item was in the list."""
        return self._mean(self._hits)

    @property
    def repeat_rate(self) -> float:
        """Share of the last choices or so that repeated an earlier one; starts at none."""
        return self._repeats / (REPEAT_PRIOR + min(self.prequential_queries, MEMORY))

    def learn(self, entries: Sequence[RankingLogEntry]) -> None:
        """Learn from the next entries of the ranking log, in their order."""
        for entry in entries:
            match entry:
                case Choice():
                    self._evaluate(entry)
                    if self._fits(entry.table):
                        self._take_choice(entry)
                case Ranked():
                    if self._fits(entry.table):
                        self._pending.add(entry)
                case ListOutcome():
                    ranked = self._pending.take(entry.list_id)
                    if ranked is not None:
                        self._take(self._shown, from_outcome(ranked, entry, self._width))
                case _:
                    assert_never(entry)

    def weights(self) -> Arrays:
        """The network's weights as arrays of their own."""
        return {name: part.copy() for name, part in self._arrays.items()}

    def export(self, version: int) -> Weights:
        """What serving takes up, under this version, but for the items' factors: see `vectors`."""
        return Weights(version=version, table=self.table, arrays=self.weights(), repeat_rate=self.repeat_rate)

    def vectors(self, *, moved_only: bool = False) -> tuple[tuple[ItemId, ...], NDArray[np.float32]]:
        """The items' factors, none if they are not learned; or only what has moved since they were last asked for."""
        return self._vectors.export(moved_only=moved_only) if self._vectors else ((), np.zeros((0, 0), np.float32))

    def checkpoint(self) -> bytes:
        """Everything that this learner is, for `restore`."""
        return encode(
            Snapshot(
                table=self.table,
                random=pack_random(self._rng),
                parameters=pack(self._flat.numpy()),
                squares=pack(self._squares.numpy()),
                organic=self._organic.snapshot(),
                shown=self._shown.snapshot(),
                pending=list(self._pending.lists.values()),
                vectors=self._vectors.snapshot() if self._vectors else None,
                tallies={stored: getattr(self, name) for stored, name in _STORED.items()},
            )
        )

    def restore(self, checkpoint: bytes) -> bool:
        """Become the learner that made the checkpoint; refused, with False, if it learned another feature table."""
        kept = decode(checkpoint)
        if kept.table != self.table:
            return False
        self._rng = unpack_random(kept.random)
        self._flat.copy_(torch.from_numpy(unpack(kept.parameters)))
        self._squares = torch.from_numpy(unpack(kept.squares))
        self._organic.restore(kept.organic)
        self._shown.restore(kept.shown)
        self._pending = Pending(PENDING)
        for ranked in kept.pending:
            self._pending.add(ranked)
        if self._vectors and kept.vectors:
            self._vectors.restore(kept.vectors)
        for stored, name in _STORED.items():
            setattr(self, name, type(getattr(self, name))(kept.tallies[stored]))
        return True

    def _mean(self, total: float) -> float:
        return total / max(1, min(self.prequential_queries, MEMORY))

    def _fits(self, table: str) -> bool:
        self.foreign += table != self.table
        return table == self.table

    def _evaluate(self, choice: Choice) -> None:
        """Test, then train: the exam counts before anything is learned from it."""
        keep = 1.0 if self.prequential_queries < MEMORY else 1.0 - 1.0 / MEMORY
        self.prequential_queries += 1
        self._reciprocal_rank = keep * self._reciprocal_rank + (1.0 / choice.rank if choice.rank else 0.0)
        self._hits = keep * self._hits + (choice.rank is not None)
        self._repeats = keep * self._repeats + choice.seen_before

    def _take_choice(self, choice: Choice) -> None:
        example = from_choice(choice, self._width)
        # Of an example that was cut the rows are no longer those of the items.
        if example is not None and self._vectors is not None and len(example.target) == len(choice.items):
            self._vectors.learn(choice.items, choice.newest, self._error(example))
        self._take(self._organic, example)

    def _error(self, example: Example) -> NDArray[np.float32]:
        """What each row's share of the softmax is too high, `[rows]`."""
        scores = forward(self._arrays, example.features) + example.offset
        share = np.exp(scores - scores.max())
        error: NDArray[np.float32] = share * (example.target.sum() / share.sum()) - example.target
        return error

    def _take(self, ring: Ring, example: Example | None) -> None:
        if example is None:
            return
        newest = ring.add(example)
        again = self._rng.integers(0, len(ring), self._replays)
        self._step(ring, np.append(again, newest))

    def _step(self, ring: Ring, places: NDArray[np.int64]) -> None:
        """One Adagrad step on these examples: cross-entropy of what was taken under softmax over the rows."""
        rows = int(ring.rows[places].max())
        held = np.arange(rows) < ring.rows[places, None]
        offset = np.where(held, ring.offset[places, :rows], np.float32(-np.inf))
        slope(
            self._parts,
            self._slopes,
            torch.from_numpy(ring.features[places, :rows].astype(np.float32)),
            torch.from_numpy(ring.target[places, :rows]),
            torch.from_numpy(offset),
        )
        self._squares.addcmul_(self._steepest, self._steepest)
        self._flat.addcdiv_(self._steepest, self._squares.sqrt().add_(EPSILON), value=-self._rate)
