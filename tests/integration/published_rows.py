"""What is on `item-deltas` and `item-statistics` of a real broker: deltas sent, rows published, rows that follow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest

from deploy.clients import make_cluster, make_publisher
from deploy.settings import Settings
from schemas.codec import decode, encode
from schemas.statistics import ItemDelta, ItemStatistics
from schemas.topics import ITEM_DELTAS, ITEM_STATISTICS
from streams.handlers.on_item_deltas import FOLDED_OFFSETS_KEY, unpack_row
from streams.log.kafka_client import KafkaTableReader
from streams.state.partition_store import ITEMS
from streams.state.rebuild import rebuild_items
from tests.builders import make_deps
from tests.integration.recorded_deltas import PARTITIONS, delivered_again

QUIET_SECONDS = 5.0


def send(settings: Settings, deltas: Sequence[ItemDelta]) -> None:
    """Produce the deltas, some runs of them twice, and wait until Kafka has them."""
    publisher = make_publisher(settings)
    publisher.deliver(ITEM_DELTAS, [(delta.item_id, encode(delta)) for delta in delivered_again(deltas)])
    publisher.close()


def python_rows(settings: Settings) -> dict[str, ItemStatistics]:
    """Return the rows of the Python aggregator, which reads the same topic from the first record on."""
    reader = KafkaTableReader(make_cluster(settings), (ITEM_DELTAS,))
    store = rebuild_items(reader.catch_up(), make_deps(clock=time.time))
    reader.close()
    states = [state for partition in range(PARTITIONS) for state in store.scan(ITEMS, partition)]
    return {item: unpack_row(state) for item, state in states if item != FOLDED_OFFSETS_KEY}


class Published:
    """The newest row of each item on `item-statistics`, decoded as every reader decodes it."""

    def __init__(self, settings: Settings) -> None:
        self._reader = KafkaTableReader(make_cluster(settings), (ITEM_STATISTICS,))
        self.rows: dict[str, ItemStatistics] = {}
        self.versions_rise = True
        self._take(self._reader.catch_up())

    def wait_for(self, wanted: Mapping[str, ItemStatistics], *, seconds: float, quiet: float = QUIET_SECONDS) -> None:
        """Poll until each item's row counts as many events as the wanted one, and no row follows for `quiet` seconds:
        neighbours may come a window later than counts.
        """
        newest = time.monotonic()
        deadline = newest + seconds
        while self._behind(wanted) or time.monotonic() - newest < quiet:
            assert time.monotonic() < deadline, f"{sum(row.count for row in self.rows.values())} deltas are folded"
            if records := self._reader.poll():
                self._take(records)
                newest = time.monotonic()

    def _behind(self, wanted: Mapping[str, ItemStatistics]) -> bool:
        return {item: row.count for item, row in self.rows.items()} != {item: row.count for item, row in wanted.items()}

    def _take(self, records: Sequence[object]) -> None:
        for record in records:
            row: ItemStatistics = decode(ITEM_STATISTICS, record.value, now=time.time())  # type: ignore[attr-defined]
            assert record.key == row.item_id.encode()  # type: ignore[attr-defined]
            before = self.rows.get(row.item_id)
            if before is not None and row.version != before.version:
                self.versions_rise &= row.version > before.version and row.feature_time > before.feature_time
            self.rows[row.item_id] = row

    def close(self) -> None:
        self._reader.close()


def assert_equal(flinks: Mapping[str, ItemStatistics], pythons: Mapping[str, ItemStatistics]) -> None:
    """Everything but neighbours is equal: sums within 1e-9, the rest exactly."""
    for item, wanted in pythons.items():
        row = flinks[item]
        exact = (row.version, row.count, row.at, row.first_at, row.value_count, set(row.segments))
        expected = (wanted.version, wanted.count, wanted.at, wanted.first_at, wanted.value_count, set(wanted.segments))
        assert exact == expected, item
        assert row.popularity == pytest.approx(wanted.popularity, rel=1e-9, abs=1e-15), item
        assert (row.people, row.value_sum) == pytest.approx((wanted.people, wanted.value_sum), rel=1e-9), item
        # Both count milliseconds where events come in another order, each in the order in which they came to it.
        assert row.at - 0.001 <= row.feature_time <= row.at + 0.001 * (row.count + 1), item
        for name, counts in wanted.segments.items():
            assert row.segments[name] == pytest.approx(counts, rel=1e-9, abs=1e-15), (item, name)
