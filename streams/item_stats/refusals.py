"""Dead letters about `item-deltas` while Flink aggregates, whose SQL skips what it cannot read without a word.

Every delta is opened here by the rule of the Python aggregator, and nothing is folded. Effects, in the order in which a
crash may cut them: 1 publish 2 commit. Deltas of a cut are opened again; a letter's id follows from where the delta is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from streams.handlers.on_item_deltas import refused_deltas
from streams.item_stats.aggregator import AGGREGATOR_POLL_RECORDS
from streams.log.in_flight import InFlight
from streams.log.ports import LogReader, Observer, Publisher


@dataclass(frozen=True)
class Refusals:
    """The dependencies, built by the wiring; the items are shared by so many `partitions`."""

    reader: LogReader
    publisher: Publisher
    partitions: int
    observer: Observer
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    in_flight: InFlight = field(default_factory=InFlight)

    def publish_for(self, seconds: float) -> None:
        """Read on for so many seconds, and publish a dead letter about each delta that cannot be used."""
        ends = self.monotonic() + seconds
        while (left := ends - self.monotonic()) > 0:
            records = self.reader.poll(AGGREGATOR_POLL_RECORDS, left)
            for part in self.in_flight.split(records):
                with self.in_flight.handling(records[part]):
                    now = self.clock()
                    outcome = refused_deltas(records[part], self.partitions, now=now, in_flight=self.in_flight)
                    self.publisher.publish(outcome.messages)
                    self.observer.batch_done(outcome, published=now, stored=now)
            if records:
                self.reader.commit()
