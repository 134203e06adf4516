"""The perceiver: encodes the texts and pictures of items, and what users show and search for.

No list waits for it. What users show comes before the catalogue, which it reads in small parts between. It goes on
where it was, and publishing something twice changes nothing: 1 publish 2 commit.

The group that reads the catalogue is named for the encoders, so that other encoders, or a new version of one, begin
with the whole catalogue again, in the background. Vectors of the old and of the new encoder are never compared: an item
is found again once it has its new one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from schemas.errors import DecodeError, PictureFault
from streams.log.dead_letters import crashed
from streams.log.in_flight import InFlight
from streams.log.ports import LogReader, Publisher
from streams.log.records import Inbound
from streams.outcomes.to_perceive import ToPerceive
from streams.perceiver.perceive import Perceiving, perceive
from streams.routes import PERCEIVER

logger = logging.getLogger(__name__)
ITEMS_AT_ONCE = 8
"""Items between two polls of what users show: with the default encoders these take about a second on a busy core."""
EVENTS_AT_ONCE = 200
IDLE_SECONDS = 0.05
LAG_EVERY_SECONDS = 5.0


class LaggingReader(LogReader, Protocol):
    """A `LogReader` that knows how much is left."""

    def lag(self) -> dict[int, int]:
        """Return how many records of each assigned partition were not polled."""
        ...


class PerceiverObserver(Protocol):
    """Receives what was perceived, for metrics."""

    def encoders(self, *, text: str, image: str) -> None:
        """Observe the encoders, as the process begins."""
        ...

    def perceived(self, what: str, number: int, *, delay: float) -> None:
        """Observe a number of "items" or "events", `delay` seconds after the oldest was produced."""
        ...

    def bad_picture(self, fault: PictureFault) -> None:
        """Observe a picture that cannot be used."""
        ...

    def left(self, what: str, records: int) -> None:
        """Observe how many records of "items" or "events" are not perceived yet."""
        ...


@dataclass(frozen=True)
class Perceiver:
    """The dependencies of the perceiver process, built by the wiring."""

    events: LaggingReader
    items: LaggingReader
    tools: Perceiving
    publisher: Publisher
    observer: PerceiverObserver
    clock: Callable[[], float]
    in_flight: InFlight = field(default_factory=InFlight)


def catalogue_group(group: str, encoders: Sequence[str]) -> str:
    """Return the consumer group that reads the catalogue for encoders of these tags.

    >>> catalogue_group("perceiver", ["use/3", "lite0/1"]) == catalogue_group("perceiver", ["use/3", "lite0/2"])
    False
    """
    return f"{group}-items-{sha256(' '.join(encoders).encode()).hexdigest()[:12]}"


def run(perceiver: Perceiver, *, until: Callable[[], bool]) -> None:
    """Perceive until `until` holds."""
    perceiver.observer.encoders(text=perceiver.tools.text_tag, image=perceiver.tools.image_tag)
    lag_at = float("-inf")
    readers: Mapping[str, LaggingReader] = {"events": perceiver.events, "items": perceiver.items}
    while not until():
        events = perceiver.events.poll(EVENTS_AT_ONCE, IDLE_SECONDS)
        _handle(perceiver, "events", perceiver.events, events)
        items = perceiver.items.poll(ITEMS_AT_ONCE, 0.0 if events else IDLE_SECONDS)
        _handle(perceiver, "items", perceiver.items, items)
        if perceiver.clock() >= lag_at + LAG_EVERY_SECONDS:
            lag_at = perceiver.clock()
            for what, reader in readers.items():
                perceiver.observer.left(what, sum(reader.lag().values()))


def _handle(perceiver: Perceiver, what: str, reader: LogReader, records: Sequence[Inbound]) -> None:
    if not records:
        return
    for part in perceiver.in_flight.split(records):
        with perceiver.in_flight.handling(records[part]):
            handle(perceiver, what, records[part])
    reader.commit()


def handle(perceiver: Perceiver, what: str, records: Sequence[Inbound]) -> None:
    """Perceive these records and publish what follows from them; records that cannot be read are left to others."""
    batch = [found for record in records if (found := _opened(perceiver, record)) is not None]
    if not batch:
        return
    perceived = perceive(batch, perceiver.tools)
    perceiver.publisher.publish(perceived.messages)
    perceiver.tools.cache.commit()
    for fault in perceived.faults:
        logger.warning("a picture is left out: %s: %s", fault.fault, fault)
        perceiver.observer.bad_picture(fault.fault)
    oldest = min(each.record.timestamp for each in batch)
    perceiver.observer.perceived(what, len(batch), delay=perceiver.clock() - oldest)


def _opened(perceiver: Perceiver, record: Inbound) -> ToPerceive | None:
    if perceiver.in_flight.is_set_aside(record):
        logger.error("%s-%d@%d is set aside: it ended the process", record.topic, record.partition, record.offset)
        perceiver.publisher.publish([crashed(record, perceiver.clock())])
        return None
    try:
        return PERCEIVER[record.topic](record, now=perceiver.clock())
    except DecodeError as exc:
        logger.info("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, exc)
        return None
