"""The learner: reads the ranking log in order, learns each example once and replays a few past ones with it."""

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
from inference.learning.torch_network import flatten, unflatten, write_gradients
from inference.learning.weights_file import Weights
from inference.ranking.network import Arrays, forward, initial
from schemas.ids import ItemId
from schemas.ranking_log import Choice, ListOutcome, Ranked, RankingLogEntry

LEARNING_RATE = 0.1
ADAGRAD_EPSILON = 1e-6
INITIAL_SQUARE = 0.01
REPLAYS = 2
RING_SIZE = 4_096
PENDING_LISTS = 10_000
SCORE_WINDOW = 1_000
"""Over about how many prequential queries scores are averaged."""
REPEAT_PRIOR = 50.0
"""How many choices without a repeat are assumed before the first."""


_STORED = {
    "exams": "prequential_queries",
    "foreign": "foreign",
    "_reciprocal_rank": "_reciprocal_rank",
    "_hits": "_hits",
    "_repeats": "_repeats",
}
"""Counters of the learner by the names under which checkpoints store them."""


class Learner:
    """Learns the network by softmax over candidates and Adagrad (Duchi et al., JMLR 2011), one step per example.

    The same entries in the same order give bit-identical weights, however they were divided into calls. Entries of
    another feature schema are counted in `foreign` and ignored. With `vectors` item factors are learned too. `rate`
    multiplies the learning rate, and `replays` is how many past examples are replayed with each new one.
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
        self._rate = rate * LEARNING_RATE
        self._replays = replays
        self.table = feature_schema_id(columns)
        self._width = len(columns)
        start = initial(columns)
        shapes = {name: part.shape for name, part in start.items()}
        self._flat = flatten(start)
        self._parts = unflatten(self._flat, shapes)
        self._arrays: Arrays = {name: part.numpy() for name, part in self._parts.items()}
        self._gradient = torch.zeros_like(self._flat)
        self._gradients = unflatten(self._gradient, shapes)
        self._squares = torch.full_like(self._flat, INITIAL_SQUARE)
        self._rng = np.random.default_rng(seed)
        self._organic = Ring(RING_SIZE, self._width)
        self._shown = Ring(RING_SIZE // 4, self._width)
        self._pending = Pending(PENDING_LISTS)
        self._vectors = ItemVectors(seed) if vectors else None
        self.prequential_queries = 0
        self.foreign = 0
        self._reciprocal_rank = 0.0
        self._hits = 0.0
        self._repeats = 0.0

    @property
    def examples(self) -> int:
        """The number of examples learned: organic and shown."""
        return self._organic.added + self._shown.added

    @property
    def score(self) -> float:
        """The prequential mean reciprocal rank over about the last `SCORE_WINDOW` queries."""
        return self._mean(self._reciprocal_rank)

    @property
    def hit_rate(self) -> float:
        """The prequential share of queries whose target was in the list, over about the last `SCORE_WINDOW`."""
        return self._mean(self._hits)

    @property
    def repeat_rate(self) -> float:
        """The share of choices that repeated an earlier one, over about the last `SCORE_WINDOW`; starts at zero."""
        return self._repeats / (REPEAT_PRIOR + min(self.prequential_queries, SCORE_WINDOW))

    def learn(self, entries: Sequence[RankingLogEntry]) -> None:
        """Learn from the next entries of the ranking log, in their order."""
        for entry in entries:
            match entry:
                case Choice():
                    self._evaluate(entry)
                    if self._fits(entry.table):
                        self._learn_choice(entry)
                case Ranked():
                    if self._fits(entry.table):
                        self._pending.add(entry)
                case ListOutcome():
                    ranked = self._pending.take(entry.list_id)
                    if ranked is not None:
                        self._learn_example(self._shown, from_outcome(ranked, entry, self._width))
                case _:
                    assert_never(entry)

    def weights(self) -> Arrays:
        """Return copies of the network's weights."""
        return {name: part.copy() for name, part in self._arrays.items()}

    def export(self, version: int) -> Weights:
        """Return the weights to serve, under this version, without item factors: see `vectors`."""
        return Weights(version=version, table=self.table, arrays=self.weights(), repeat_rate=self.repeat_rate)

    def vectors(self, *, moved_only: bool = False) -> tuple[tuple[ItemId, ...], NDArray[np.float32]]:
        """Return the item factors, none if they are not learned; or only those that have moved since the last call."""
        return self._vectors.export(moved_only=moved_only) if self._vectors else ((), np.zeros((0, 0), np.float32))

    def checkpoint(self) -> bytes:
        """Return the complete state of this learner, for `restore`."""
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
        """Restore the learner that wrote the checkpoint; return False and refuse one of another feature schema."""
        snapshot = decode(checkpoint)
        if snapshot.table != self.table:
            return False
        self._rng = unpack_random(snapshot.random)
        self._flat.copy_(torch.from_numpy(unpack(snapshot.parameters)))
        self._squares = torch.from_numpy(unpack(snapshot.squares))
        self._organic.restore(snapshot.organic)
        self._shown.restore(snapshot.shown)
        self._pending = Pending(PENDING_LISTS)
        for ranked in snapshot.pending:
            self._pending.add(ranked)
        if self._vectors and snapshot.vectors:
            self._vectors.restore(snapshot.vectors)
        for stored, name in _STORED.items():
            setattr(self, name, type(getattr(self, name))(snapshot.tallies[stored]))
        return True

    def _mean(self, total: float) -> float:
        return total / max(1, min(self.prequential_queries, SCORE_WINDOW))

    def _fits(self, table: str) -> bool:
        self.foreign += table != self.table
        return table == self.table

    def _evaluate(self, choice: Choice) -> None:
        """Count the prequential query, before anything is learned from it."""
        keep = 1.0 if self.prequential_queries < SCORE_WINDOW else 1.0 - 1.0 / SCORE_WINDOW
        self.prequential_queries += 1
        self._reciprocal_rank = keep * self._reciprocal_rank + (1.0 / choice.rank if choice.rank else 0.0)
        self._hits = keep * self._hits + (choice.rank is not None)
        self._repeats = keep * self._repeats + choice.seen_before

    def _learn_choice(self, choice: Choice) -> None:
        example = from_choice(choice, self._width)
        # The rows of an example that was cut are no longer those of the items.
        if example is not None and self._vectors is not None and len(example.target) == len(choice.items):
            self._vectors.learn(choice.items, choice.newest, self._error(example))
        self._learn_example(self._organic, example)

    def _error(self, example: Example) -> NDArray[np.float32]:
        """Return each row's share of the softmax less its target, `[rows]`."""
        scores = forward(self._arrays, example.features) + example.offset
        share = np.exp(scores - scores.max())
        error: NDArray[np.float32] = share * (example.target.sum() / share.sum()) - example.target
        return error

    def _learn_example(self, ring: Ring, example: Example | None) -> None:
        if example is None:
            return
        newest = ring.add(example)
        replayed = self._rng.integers(0, len(ring), self._replays)
        self._step(ring, np.append(replayed, newest))

    def _step(self, ring: Ring, slots: NDArray[np.int64]) -> None:
        """Take one Adagrad step on the examples in these slots: cross-entropy under softmax over the rows."""
        rows = int(ring.rows[slots].max())
        filled = np.arange(rows) < ring.rows[slots, None]
        offset = np.where(filled, ring.offset[slots, :rows], np.float32(-np.inf))
        write_gradients(
            self._parts,
            self._gradients,
            torch.from_numpy(ring.features[slots, :rows].astype(np.float32)),
            torch.from_numpy(ring.target[slots, :rows]),
            torch.from_numpy(offset),
        )
        self._squares.addcmul_(self._gradient, self._gradient)
        self._flat.addcdiv_(self._gradient, self._squares.sqrt().add_(ADAGRAD_EPSILON), value=-self._rate)
