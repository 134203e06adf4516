"""The item-statistics aggregator as a process: idle, while the store is away, and after another owner has written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from features.memory_state import MemoryStateStore
from schemas.codec import encode
from schemas.errors import Rewound
from schemas.ids import ItemId
from schemas.statistics import ItemDelta, ItemStatistics
from schemas.topics import INTERACTIONS, ITEM_DELTAS
from streams.item_stats.aggregator import ItemStatisticsAggregator, begin, handle, run
from streams.log.ports import Unobserved
from streams.log.records import Inbound
from streams.retry import STATE_RETRY
from streams.state.partition_store import ITEMS, PartitionStore
from streams.state.positions import Bounds, Positions
from tests.builders import START
from tests.unit.streams.doubles import FlakyStore, Shelf


class Reader:
    """A reader of one partition that returns these batches, then nothing."""

    def __init__(self, *batches: Sequence[Inbound]) -> None:
        self._batches = list(batches)
        self.commits = 0

    def poll(self, limit: int, seconds: float) -> Sequence[Inbound]:
        return self._batches.pop(0) if self._batches else ()

    def assignment(self) -> Iterable[int]:
        return {0}

    def lag(self) -> Mapping[int, int]:
        return {0: 0}

    def commit(self) -> None:
        self.commits += 1


class Logs:
    """A broker that has one partition of each topic."""

    def __init__(self, end: int = 10) -> None:
        self._end = end

    def bounds(self, topics: Sequence[str]) -> Mapping[tuple[str, int], Bounds]:
        return {(topic, 0): Bounds("id", 0, self._end) for topic in topics}

    def committed(self, group: str, topics: Sequence[str]) -> Mapping[tuple[str, int], int]:
        return {}


class RunningAggregator:
    """An aggregator of one partition, and what it waited, published and stored."""

    def __init__(self, *batches: Sequence[Inbound], store: MemoryStateStore | None = None) -> None:
        self.store = store or MemoryStateStore()
        self.waits: list[float] = []
        self.shelf, self.reader = Shelf(), Reader(*batches)
        items = PartitionStore(self.store, scope=ITEMS, partitions=1)
        self.positions = Positions(items, Logs(), (ITEM_DELTAS,), 1, "group", Unobserved())
        self.aggregator = ItemStatisticsAggregator(
            reader=self.reader,
            items=items,
            positions=self.positions,
            publisher=self.shelf,
            observer=Unobserved(),
            clock=lambda: START,
            sleep=self.waits.append,
        )

    def run(self, rounds: int) -> None:
        rounds_left = [False] * rounds + [True]
        run(self.aggregator, until=lambda: rounds_left.pop(0))

    def rows(self) -> list[tuple[str, float]]:
        values = [message.value for message in self.shelf.messages]
        return [(row.item_id, row.count) for row in values if isinstance(row, ItemStatistics)]


def deltas(*items: str, begin_at: int = 0) -> list[Inbound]:
    return [
        Inbound(
            topic=ITEM_DELTAS,
            partition=0,
            offset=offset,
            key=item.encode(),
            value=encode(
                ItemDelta(item_id=ItemId(item), source=f"{INTERACTIONS}-0", offset=offset, event_time=START, weight=1.0)
            ),
            timestamp=START,
        )
        for offset, item in enumerate(items, begin_at)
    ]


def test_a_window_publishes_one_row_per_item_and_commits_once() -> None:
    world = RunningAggregator(deltas("a", "b", "a"))
    world.run(rounds=1)
    assert dict(world.rows()) == {"a": 2, "b": 1}
    assert world.reader.commits == 1


def test_an_idle_aggregator_publishes_and_commits_nothing() -> None:
    world = RunningAggregator((), deltas("a"))
    world.run(rounds=3)
    assert world.rows() == [("a", 1)]
    assert world.reader.commits == 1


def test_a_store_that_is_away_is_waited_for_and_no_delta_counts_twice() -> None:
    world = RunningAggregator(store=FlakyStore(fails=2))
    handle(world.aggregator, deltas("a", "a"))
    handle(world.aggregator, deltas("a", begin_at=2))
    assert world.waits == [STATE_RETRY.wait_seconds] * 2
    assert world.rows()[-1] == ("a", 3)


def test_a_fenced_batch_is_folded_again_without_a_wait() -> None:
    world = RunningAggregator()
    handle(world.aggregator, deltas("a"))
    world.store.lease(ITEMS, 0)
    handle(world.aggregator, deltas("a", begin_at=1))
    assert world.waits == []
    assert world.rows()[-1] == ("a", 2)


def test_it_begins_after_the_stored_offset() -> None:
    world = RunningAggregator()
    handle(world.aggregator, deltas("a", "b"))
    assert begin(world.positions, {0}, sleep=world.waits.append) == {f"{ITEM_DELTAS}-0": 2}


def test_a_store_that_was_emptied_meanwhile_ends_the_process() -> None:
    world = RunningAggregator()
    handle(world.aggregator, deltas("a"))
    world.store.replace(ITEMS, 0, {}, {})
    with pytest.raises(Rewound):
        handle(world.aggregator, deltas("a", begin_at=1))
