"""The owner of item statistics: folds `item-deltas` into rows and publishes those, about twice a second.

It is a process of its own, so that people's events never wait for it. Effects, in the order in which a crash may cut
them: 1 publish 2 store rows with marks and offsets 3 commit. A batch that is cut is folded again from the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schemas.errors import Fenced, StoreUnavailable, WentBack
from schemas.topics import ITEM_DELTAS
from streams.handlers.on_item_deltas import on_item_deltas
from streams.log.in_flight import InFlight
from streams.log.kafka_client import KafkaAway
from streams.log.ports import LogReader, Observer, Publisher
from streams.log.records import Inbound
from streams.state.partition_store import PartitionStore
from streams.state.positions import Positions

logger = logging.getLogger(__name__)
BATCH = 2_000
RETRY_SECONDS = 0.5
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
    """Claim these partitions; the offsets to read on from, by source. Waits for servers that are away."""
    while True:
        try:
            positions.owner.assign(partitions)
            return {f"{topic}-{partition}": at for (topic, partition), at in positions.take_up().items()}
        except Fenced:
            positions.owner.release()
        except (StoreUnavailable, KafkaAway) as exc:
            positions.observer.waiting_for("state-store")
            logger.warning("waiting: %s", exc)
            sleep(RETRY_SECONDS)


def run(statistician: ItemStatisticsAggregator, *, until: Callable[[], bool]) -> None:
    """Fold until told to stop; each window's deltas are folded together.

    Raises:
        WentBack: the store or the log is not what it was.
    """
    compared = statistician.clock()
    while not until():
        began = statistician.clock()
        if began - compared > COMPARE_SECONDS:
            compared = began
            compare(statistician)
        records = statistician.reader.poll(BATCH, 0.5)
        for partition, behind in statistician.reader.lag().items():
            statistician.observer.lag(ITEM_DELTAS, partition, behind)
        for part in statistician.in_flight.split(records):
            with statistician.in_flight.handling(records[part]):
                handle(statistician, records[part])
        if records:
            statistician.reader.commit()
            statistician.sleep(max(0.0, statistician.window_seconds - (statistician.clock() - began)))


def compare(statistician: ItemStatisticsAggregator) -> None:
    """Hold what is stored against the log.

    Raises:
        WentBack: they do not fit any more.
    """
    try:
        wrong = statistician.positions.breaks()
    except (StoreUnavailable, KafkaAway) as exc:
        logger.info("log and store are not compared: %s", exc)
        return
    if wrong:
        raise WentBack("; ".join(wrong) + ": the process is to begin anew, from there")


def handle(statistician: ItemStatisticsAggregator, records: Sequence[Inbound]) -> None:
    """One batch: decide, 1 publish, 2 store; again while the store is away, or after another owner has written."""
    while True:
        try:
            statistician.items.assign(statistician.reader.assignment())
            named = [statistician.items.named(record) for record in records]
            if statistician.items.went_back():
                raise WentBack("the state store went back: the process is to begin anew, from there")
            outcome = on_item_deltas(
                named, statistician.items, now=statistician.clock(), in_flight=statistician.in_flight
            )
            statistician.publisher.publish(outcome.messages)
            published = statistician.clock()
            statistician.items.store_outcome(outcome)
            statistician.observer.batch_done(outcome, published=published, stored=statistician.clock())
        except Fenced as exc:
            logger.warning("a batch of %d deltas is folded again: %s", len(records), exc)
            statistician.items.release()
        except StoreUnavailable as exc:
            statistician.in_flight.rest()
            statistician.observer.waiting_for("state-store")
            logger.warning("waiting: %s", exc)
            statistician.sleep(RETRY_SECONDS)
        else:
            return
