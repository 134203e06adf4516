"""Examples for the ranker, and a ring of past ones to learn from again (experience replay: Lin, 1992)."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from inference.learning.checkpoint import RingSnapshot, pack, unpack
from inference.learning.sampling import EXAMPLE_ROWS, correction
from schemas.errors import DecodeError
from schemas.ids import ListId
from schemas.ranking_log import Choice, ListOutcome, Ranked, RankingLogValue

LARGEST_FEATURE = 1_000.0
"""Features are squashed to a few units; larger ones come from a faulty producer and would dominate the network."""


class Example(Struct, frozen=True):
    """One example: `features` float32 `[rows, features]`; `target` float32 `[rows]`, the weight of the chosen rows; and
    `offset` float32 `[rows]`, the correction for sampling that is added to the scores.
    """

    features: NDArray[np.float32]
    target: NDArray[np.float32]
    offset: NDArray[np.float32]


def check_entry(entry: RankingLogValue, table: str, width: int) -> None:
    """Check that an entry can be learned from: its blocks have the declared size, its numbers are features.

    Entries of another feature schema than `table`, whose rows are `width` wide, are not learned from and not checked.

    Raises:
        DecodeError: the entry cannot be learned from.
    """
    if not isinstance(entry, Choice | Ranked) or entry.table != table:
        return
    _check_block(entry.features, len(entry.items), width)
    match entry:
        case Choice(chosen=int(chosen), items=items) if chosen >= len(items):
            raise DecodeError("invalid", f"row {chosen} was chosen of {len(items)}")
        case Ranked(propensities=propensities, items=items) if len(propensities) != len(items):
            raise DecodeError("invalid", f"{len(propensities)} propensities of {len(items)} items")
        case _:
            pass


def _check_block(block: bytes, rows: int, width: int) -> None:
    if len(block) != 4 * rows * width:
        raise DecodeError("invalid", f"{len(block)} bytes of features, not {4 * rows * width}: {rows} rows of {width}")
    if not (np.abs(np.frombuffer(block, "<f4")) <= LARGEST_FEATURE).all():
        raise DecodeError("invalid", f"features beyond {LARGEST_FEATURE:g}, or not finite")


def from_choice(choice: Choice, width: int) -> Example | None:
    """Return the organic example in a choice, none if no source had proposed the item."""
    if choice.chosen is None or len(choice.items) < 2:
        return None
    features = np.frombuffer(choice.features, "<f4").reshape(len(choice.items), width)
    target = np.zeros(len(features), np.float32)
    target[choice.chosen] = choice.weight
    if len(features) > EXAMPLE_ROWS:
        rows = [choice.chosen, *(row for row in range(EXAMPLE_ROWS) if row != choice.chosen)][:EXAMPLE_ROWS]
        features, target = features[rows], target[rows]
    return Example(features, target, correction(len(target)))


def from_outcome(ranked: Ranked, outcome: ListOutcome, width: int) -> Example | None:
    """Return the shown example in a matured outcome, none if nothing or everything was clicked."""
    row_of = {item: row for row, item in enumerate(ranked.items)}
    shown = [item for item in outcome.shown if item in row_of][:EXAMPLE_ROWS]
    clicked = {item for item in outcome.clicked if item in row_of}
    if not 0 < len(clicked) < len(shown):
        return None
    features = np.frombuffer(ranked.features, "<f4").reshape(len(ranked.items), width)
    target = np.array([item in clicked for item in shown], np.float32)
    return Example(features[[row_of[item] for item in shown]], target / target.sum(), np.zeros(len(shown), np.float32))


class Ring:
    """The last `size` examples, padded to `[ROWS, features]`; the oldest makes room.

    Features are kept in half precision: examples are many and their features coarse.
    """

    def __init__(self, size: int, width: int) -> None:
        self.added = 0
        self.features = np.zeros((size, EXAMPLE_ROWS, width), np.float16)
        self.target = np.zeros((size, EXAMPLE_ROWS), np.float32)
        self.offset = np.zeros((size, EXAMPLE_ROWS), np.float32)
        self.rows = np.zeros(size, np.int64)

    def __len__(self) -> int:
        """Return the number of examples that are kept."""
        return min(self.added, len(self.rows))

    def add(self, example: Example) -> int:
        """Keep the example; return its slot."""
        slot, rows = self.added % len(self.rows), len(example.target)
        self.features[slot, :rows] = example.features
        self.features[slot, rows:] = 0.0
        self.target[slot] = 0.0
        self.target[slot, :rows] = example.target
        self.offset[slot, :rows] = example.offset
        self.rows[slot] = rows
        self.added += 1
        return slot

    def snapshot(self) -> RingSnapshot:
        """Return the state for `restore`."""
        size = len(self)
        parts = (self.features, self.target, self.offset, self.rows)
        return RingSnapshot(self.added, *(pack(part[:size]) for part in parts))

    def restore(self, snapshot: RingSnapshot) -> None:
        """Restore the ring from a snapshot of the same width."""
        self.added = snapshot.added
        size = len(self)
        self.features[:size] = unpack(snapshot.features)
        self.target[:size] = unpack(snapshot.target)
        self.offset[:size] = unpack(snapshot.offset)
        self.rows[:size] = unpack(snapshot.rows)


class Pending:
    """Ranked lists whose outcome has not matured; beyond `size` the oldest is dropped."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.lists: OrderedDict[ListId, Ranked] = OrderedDict()

    def add(self, ranked: Ranked) -> None:
        self.lists[ranked.list_id] = ranked
        if len(self.lists) > self._size:
            self.lists.popitem(last=False)

    def take(self, list_id: ListId) -> Ranked | None:
        """Remove and return the list, none if it is not pending."""
        return self.lists.pop(list_id, None)
