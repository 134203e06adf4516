"""Positions: where an owner reads on, by its stored offsets and by the log, when partitions are leased and afterwards.

Offsets may go back: a topic is deleted and created again, its end is truncated, retention or `DeleteRecords` removes
its beginning. No loss of accepted records goes unreported: see `docs/decisions/0019-offsets-that-rewind.md`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from features.ports import Origin
from schemas.topics import RANK_REQUESTS
from streams.log.ports import Observer
from streams.state.partition_store import PartitionStore

logger = logging.getLogger(__name__)

Break = Literal["made-again", "truncated", "deleted", "store-behind"]
"""How the log and the offsets stored of it may contradict each other."""
BREAKS: tuple[Break, ...] = ("made-again", "truncated", "deleted", "store-behind")


@dataclass(frozen=True)
class Bounds:
    """A partition on the broker: its topic's id, its first offset, and the offset of the next record."""

    topic_id: str
    begin: int
    end: int


@dataclass(frozen=True)
class Start:
    """Where to read on in a source, and after which break; `applied` is the offset to store as applied, if any."""

    offset: int
    origin: Origin
    applied: int | None = None
    broken: Break | None = None


def where_to_begin(applied: int, origin: Origin | None, log: Bounds) -> Start:
    """Return where to read on in a source, by its stored offset and origin and by the log.

    - the topic has another id: from the beginning, as a new generation of offsets
    - the log holds fewer records than were applied: from the end, likewise; without a stored id as if made again
    - records were deleted before they were applied: from the first that is left
    - else after the last applied record

    >>> where_to_begin(812, Origin("a"), Bounds("b", 0, 4)).offset
    0
    >>> where_to_begin(812, Origin("a"), Bounds("a", 0, 800))
    Start(offset=800, origin=Origin(topic_id='a', generation=1), applied=799, broken='truncated')
    >>> where_to_begin(3, Origin("a"), Bounds("a", 9, 20)).offset
    9
    """
    stored = origin or Origin(log.topic_id)
    anew = Origin(log.topic_id, stored.generation + 1)
    if stored.topic_id and log.topic_id and stored.topic_id != log.topic_id:
        return Start(log.begin, anew, -1, "made-again")
    if applied >= log.end:
        if not stored.topic_id or origin is None:
            return Start(log.begin, anew, -1, "made-again")
        return Start(log.end, anew, log.end - 1, "truncated")
    here = Origin(stored.topic_id or log.topic_id, stored.generation)
    if log.begin > applied + 1:
        return Start(log.begin, here, broken="deleted")
    return Start(applied + 1, here)


def breaks_now(applied: int, origin: Origin | None, log: Bounds) -> Break | None:
    """Return the break that makes it impossible to read on in a source, if any; deleted records do not.

    >>> breaks_now(3, Origin("a"), Bounds("a", 9, 20)), breaks_now(3, Origin("a"), Bounds("b", 0, 20))
    (None, 'made-again')
    """
    kind = where_to_begin(applied, origin, log).broken
    return None if kind == "deleted" else kind


def wrong_counts(partitions: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    """Return a message for every topic that has another number of partitions than the settings want.

    >>> wrong_counts({"strays": 5}, {"strays": 4})
    ["topic 'strays' has 5 partitions, the settings want 4"]
    """
    return [
        f"topic {topic!r} has {count} partitions, the settings want {expected[topic]}"
        for topic, count in partitions.items()
        if count != expected[topic]
    ]


class Logs(Protocol):
    """The broker's view of topics. Every call may block, and raises `KafkaAway` if the broker does not answer."""

    def bounds(self, topics: Sequence[str]) -> Mapping[tuple[str, int], Bounds]:
        """Return the bounds of every partition of these topics; missing topics are left out."""
        ...

    def committed(self, group: str, topics: Sequence[str]) -> Mapping[tuple[str, int], int]:
        """Return the offsets that the group has committed, of the partitions where it has."""
        ...


@dataclass(frozen=True)
class Positions:
    """The positions of the owner of one scope in its topics."""

    owner: PartitionStore
    logs: Logs
    topics: tuple[str, ...]
    partitions: int
    group: str
    observer: Observer

    def start_offsets(self) -> dict[tuple[str, int], int]:
        """Return the next offset to read of every topic and leased partition; stores first which logs began anew.

        Committed offsets do not decide: they outlive the store, and so show whether it has lost something.

        Raises:
            StoreUnavailable: call again.
            KafkaAway: call again.
        """
        bounds, committed = self.logs.bounds(self.topics), self.logs.committed(self.group, self.topics)
        starts = {}
        for (topic, partition), log in sorted(bounds.items()):
            if partition in self.owner.assigned:
                at = topic, partition
                starts[at] = self._start(topic, partition, log, committed.get(at, 0)).offset
        return starts

    def breaks(self) -> list[str]:
        """Return why reading cannot go on, one message for each reason: then the process begins anew.

        Raises:
            StoreUnavailable: the store does not answer.
            KafkaAway: Kafka does not answer.
        """
        # Read before the ends of the log: what is stored in between may be beyond them.
        saved = {partition: dict(self.owner.saved.get(partition, {})) for partition in self.owner.assigned}
        bounds = self.logs.bounds(self.topics)
        counts = Counter(topic for topic, _ in bounds)
        for topic in set(self.topics) - set(counts):
            logger.error("topic %r does not exist any more; `lifelong topics create` makes it anew", topic)
        wrong = wrong_counts(counts, dict.fromkeys(self.topics, self.partitions))
        for partition in self.owner.lost():
            self.observer.broken("store-behind", self.owner.scope, partition)
            wrong.append(f"the state store holds less of {self.owner.scope} {partition} than was written to it")
        for (topic, partition), log in sorted(bounds.items()):
            source, offsets = f"{topic}-{partition}", saved.get(partition)
            if offsets is None:
                continue
            applied = offsets.get(source, -1)
            if breaks_now(applied, self.owner.origin(partition, source), log):
                wrong.append(f"{source} is not the log that was read: {applied} was applied, now it is {log}")
        return wrong

    def _start(self, topic: str, partition: int, log: Bounds, committed: int) -> Start:
        source = f"{topic}-{partition}"
        applied, origin = self.owner.applied(partition).get(source, -1), self.owner.origin(partition, source)
        start = where_to_begin(applied, origin, log)
        if start.broken == "deleted" and not _matters(topic, applied, committed):
            start = Start(start.offset, start.origin)
        if start.broken is not None:
            self.observer.broken(start.broken, topic, partition)
            logger.critical("%s: %s", source, describe(start, applied, log))
        if start.applied is None and committed > applied + 1:
            self._report_behind(source, partition, applied, committed)
        if origin != start.origin or start.applied is not None:
            self.owner.begin_anew(partition, source, start.origin, start.applied)
        return start

    def _report_behind(self, source: str, partition: int, applied: int, committed: int) -> None:
        """Report that the store is behind the committed offsets: they are committed later, so it has lost data."""
        self.observer.broken("store-behind", self.owner.scope, partition)
        message = "%s: the state store lost what it was given: %d is applied, %d was committed; reading it again"
        logger.critical(message, source, applied, committed - 1)


def _matters(topic: str, applied: int, committed: int) -> bool:
    """Return whether deleted records are a loss: requests expire by design, and a new system begins where it can."""
    return topic != RANK_REQUESTS and (applied >= 0 or committed > 0)


def describe(start: Start, applied: int, log: Bounds) -> str:
    """Return a message about the break: what happened, and where reading goes on."""
    match start.broken:
        case "made-again":
            return f"the topic was deleted and made again ({applied} was applied): read from its beginning, {log.begin}"
        case "truncated":
            return f"its end was cut off: {applied} was applied, the log ends at {log.end}: read on from there"
        case "deleted":
            missing = log.begin - applied - 1
            return (
                f"{missing} records from {applied + 1} on were deleted before they were applied: they are not in states"
            )
        case _:
            return f"read on from {start.offset}"
