"""The owner of item statistics: folds `item-deltas` into rows and publishes those, about twice a second.

It is a process of its own, so that people's events never wait for it. Effects, in the order in which a crash may cut
them: 1 publish 2 store rows with marks and offsets 3 commit. A batch that is cut is folded again from the store.
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
BATCH_RECORDS = 2_000
COMPARE_SECONDS = 5.0


class OwnedReader(LogReader, Protocol):
    """A `LogReader` that tells which partitions it reads now."""

    def assignment(self) -> Iterable[int]:
        """The partitions that are ours as of the last `poll`."""
        ...

    def lag(self) -> Mapping[int, int]:
        """How many records of each of our partitions have not been polled."""
        ...


@dataclass(frozen=True)
class ItemStatisticsAggregator:
    """Everything that the process runs on; the wiring fills it."""

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
    """Fold until told to stop; each window's deltas are folded together.

    Raises:
        WentBack: the store or the log is not what it was.
    """
    (topic,) = AGGREGATOR
    compared = aggregator.clock()
    while not until():
        began = aggregator.clock()
        if began - compared > COMPARE_SECONDS:
            compared = began
            compare(aggregator)
        records = aggregator.reader.poll(BATCH_RECORDS, 0.5)
        for partition, behind in aggregator.reader.lag().items():
            aggregator.observer.lag(topic, partition, behind)
        for part in aggregator.in_flight.split(records):
            with aggregator.in_flight.handling(records[part]):
                handle(aggregator, records[part])
        if records:
            aggregator.reader.commit()
            aggregator.sleep(max(0.0, aggregator.window_seconds - (aggregator.clock() - began)))


def compare(aggregator: ItemStatisticsAggregator) -> None:
    """Hold what is stored against the log.

    Raises:
        WentBack: they do not fit any more.
    """
    try:
        wrong = aggregator.positions.breaks()
    except SERVER_AWAY as exc:
        logger.info("log and store are not compared: %s", exc)
        return
    if wrong:
        raise Rewound("; ".join(wrong) + ": the process is to begin anew, from there")


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
        raise Rewound("the state store went back: the process is to begin anew, from there")
    fold = AGGREGATOR[records[0].topic]
    outcome = fold(named, aggregator.items, now=aggregator.clock(), in_flight=aggregator.in_flight)
    aggregator.publisher.publish(outcome.messages)
    published = aggregator.clock()
    aggregator.items.store_outcome(outcome)
    aggregator.observer.batch_done(outcome, published=published, stored=aggregator.clock())
