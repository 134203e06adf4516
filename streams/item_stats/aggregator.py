"""The item-statistics aggregator: folds `item-deltas` into rows and publishes them, about twice a second.

It is a process of its own, so that users' events never wait for it. Effects, in the order in which a crash may cut
them: 1 publish 2 store rows with folded offsets and source offsets 3 commit. A batch that is cut is folded again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from schemas.errors import Fenced, Rewound
from streams.log.in_flight import InFlight
from streams.log.ports import LogReader, Observer, Publisher
from streams.log.records import Inbound
from streams.retry import SERVER_AWAY, STATE_RETRY
from streams.routes import AGGREGATOR
from streams.state.partition_store import PartitionStore
from streams.state.positions import Positions

logger = logging.getLogger(__name__)
AGGREGATOR_POLL_RECORDS = 2_000
COMPARE_EVERY_SECONDS = 5.0


class OwnedReader(LogReader, Protocol):
    """A `LogReader` that knows its assigned partitions and their lag."""

    def assignment(self) -> Iterable[int]:
        """Return the partitions that are assigned as of the last `poll`."""
        ...

    def lag(self) -> Mapping[int, int]:
        """Return how many records of each assigned partition were not polled."""
        ...


@dataclass(frozen=True)
class ItemStatisticsAggregator:
    """The dependencies of the process, built by the wiring."""

    reader: OwnedReader
    items: PartitionStore
    positions: Positions
    publisher: Publisher
    observer: Observer
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    window_seconds: float = 0.5
    in_flight: InFlight = field(default_factory=InFlight)


def begin(positions: Positions, partitions: Iterable[int], *, sleep: Callable[[float], None]) -> dict[str, int]:
    """Lease these partitions and return the offsets to read on from, by source; waits for servers that are away."""

    def lease() -> dict[str, int]:
        positions.owner.assign(partitions)
        return {f"{topic}-{partition}": at for (topic, partition), at in positions.start_offsets().items()}

    while True:
        try:
            return STATE_RETRY.call(lease, sleep=sleep, on_error=partial(_report_wait, positions.observer))
        except Fenced:
            positions.owner.release()


def _report_wait(observer: Observer, error: BaseException) -> None:
    observer.waiting_for("state-store")
    logger.warning("waiting: %s", error)


def run(aggregator: ItemStatisticsAggregator, *, until: Callable[[], bool]) -> None:
    """Fold until `until` holds; the deltas of a window are folded together.

    Raises:
        Rewound: the store or the log was rewound.
    """
    (topic,) = AGGREGATOR
    compared = aggregator.clock()
    while not until():
        began = aggregator.clock()
        if began - compared > COMPARE_EVERY_SECONDS:
            compared = began
            compare(aggregator)
        records = aggregator.reader.poll(AGGREGATOR_POLL_RECORDS, 0.5)
        for partition, behind in aggregator.reader.lag().items():
            aggregator.observer.lag(topic, partition, behind)
        for part in aggregator.in_flight.split(records):
            with aggregator.in_flight.handling(records[part]):
                handle(aggregator, records[part])
        if records:
            aggregator.reader.commit()
            aggregator.sleep(max(0.0, aggregator.window_seconds - (aggregator.clock() - began)))


def compare(aggregator: ItemStatisticsAggregator) -> None:
    """Compare the stored offsets with the log.

    Raises:
        Rewound: the store or the log was rewound.
    """
    try:
        breaks = aggregator.positions.breaks()
    except SERVER_AWAY as exc:
        logger.info("log and store are not compared: %s", exc)
        return
    if breaks:
        raise Rewound("; ".join(breaks) + ": the process must restart from there")


def handle(aggregator: ItemStatisticsAggregator, records: Sequence[Inbound]) -> None:
    """Handle one batch: decide, 1 publish, 2 store; again while the store is away, or after another owner has written.

    Raises:
        Rewound: the store holds less than was written to it.
    """

    def report_wait(error: BaseException) -> None:
        aggregator.in_flight.rest()
        _report_wait(aggregator.observer, error)

    while True:
        try:
            return STATE_RETRY.call(
                partial(_handle_once, aggregator, records), sleep=aggregator.sleep, on_error=report_wait
            )
        except Fenced as exc:
            logger.warning("a batch of %d deltas is folded again: %s", len(records), exc)
            aggregator.items.release()


def _handle_once(aggregator: ItemStatisticsAggregator, records: Sequence[Inbound]) -> None:
    aggregator.items.assign(aggregator.reader.assignment())
    named = [aggregator.items.named(record) for record in records]
    if aggregator.items.rewound():
        raise Rewound("the state store was rewound: the process must restart from there")
    (fold,) = AGGREGATOR.values()
    outcome = fold(named, aggregator.items, now=aggregator.clock(), in_flight=aggregator.in_flight)
    aggregator.publisher.publish(outcome.messages)
    published = aggregator.clock()
    aggregator.items.store_outcome(outcome)
    aggregator.observer.batch_done(outcome, published=published, stored=aggregator.clock())
