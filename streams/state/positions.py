"""Where to read on: what is stored held against the log as it is, when partitions are taken up and while they are held.

Offsets may go back: a topic is deleted and made again, its end is cut off, retention or `DeleteRecords` takes its
beginning. Nothing that was accepted is passed over in silence: see `docs/decisions/0019-offsets-that-rewind.md`.
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
"""How the log and what is stored of it may differ."""
BREAKS: tuple[Break, ...] = ("made-again", "truncated", "deleted", "store-behind")


@dataclass(frozen=True)
class Bounds:
    """A partition as it is on the broker: its topic's id, its first offset, and that of the next record."""

    topic_id: str
    begin: int
    end: int


@dataclass(frozen=True)
class Start:
    """Where to read on in a source. `applied` is the last applied offset, if it is to be stored anew."""

    offset: int
    origin: Origin
    applied: int | None = None
    found: Break | None = None


def where_to_begin(applied: int, origin: Origin | None, log: Bounds) -> Start:
    """Where to read on, of what is stored of a source and of the log as it is.

    - the topic has another id: from the beginning, as a new generation of offsets
    - fewer records than were applied: from the end, likewise; without a known id it counts as made again
    - records that were not applied are deleted: from the first that is left
    - else after what was applied

    >>> where_to_begin(812, Origin("a"), Bounds("b", 0, 4)).offset
    0
    >>> where_to_begin(812, Origin("a"), Bounds("a", 0, 800))
    Start(offset=800, origin=Origin(topic_id='a', generation=1), applied=799, found='truncated')
    >>> where_to_begin(3, Origin("a"), Bounds("a", 9, 20)).offset
    9
    """
    known = origin or Origin(log.topic_id)
    anew = Origin(log.topic_id, known.generation + 1)
    if known.topic_id and log.topic_id and known.topic_id != log.topic_id:
        return Start(log.begin, anew, -1, "made-again")
    if applied >= log.end:
        if not known.topic_id or origin is None:
            return Start(log.begin, anew, -1, "made-again")
        return Start(log.end, anew, log.end - 1, "truncated")
    here = Origin(known.topic_id or log.topic_id, known.generation)
    if log.begin > applied + 1:
        return Start(log.begin, here, found="deleted")
    return Start(applied + 1, here)


def breaks_now(applied: int, origin: Origin | None, log: Bounds) -> Break | None:
    """What makes it impossible to go on reading a source where it is; what was deleted does not.

    >>> breaks_now(3, Origin("a"), Bounds("a", 9, 20)), breaks_now(3, Origin("a"), Bounds("b", 0, 20))
    (None, 'made-again')
    """
    found = where_to_begin(applied, origin, log).found
    return None if found == "deleted" else found


def added(partitions: Mapping[str, int], wanted: Mapping[str, int]) -> list[str]:
    """What is wrong with how many partitions topics have, in words.

    >>> added({"strays": 5}, {"strays": 4})
    ["topic 'strays' has 5 partitions, the settings want 4"]
    """
    return [
        f"topic {topic!r} has {count} partitions, the settings want {wanted[topic]}"
        for topic, count in partitions.items()
        if count != wanted[topic]
    ]


class Logs(Protocol):
    """What the broker says of topics. Every call may block and raises `KafkaAway` where there is no answer."""

    def bounds(self, topics: Sequence[str]) -> Mapping[tuple[str, int], Bounds]:
        """Every partition of these topics as it is now; a topic that is missing is left out."""
        ...

    def committed(self, group: str, topics: Sequence[str]) -> Mapping[tuple[str, int], int]:
        """The next offset of each partition by what the group has committed, as far as it has."""
        ...


@dataclass(frozen=True)
class Positions:
    """Where the owner of one scope reads on in its topics."""

    owner: PartitionStore
    logs: Logs
    topics: tuple[str, ...]
    partitions: int
    group: str
    observer: Observer

    def start_offsets(self) -> dict[tuple[str, int], int]:
        """The next offset to read of every topic, by partition held; what began anew is stored as such first.

        Committed offsets do not matter here: they outlive the store, and so tell that it has lost something.

        Raises:
            StoreUnavailable: call again.
            KafkaAway: call again.
        """
        bounds, committed = self.logs.bounds(self.topics), self.logs.committed(self.group, self.topics)
        starts = {}
        for (topic, partition), log in sorted(bounds.items()):
            if partition in self.owner.held:
                at = topic, partition
                starts[at] = self._start(topic, partition, log, committed.get(at, 0)).offset
        return starts

    def breaks(self) -> list[str]:
        """Why reading cannot go on as it does, in words: the process is to begin anew.

        Raises:
            StoreUnavailable: nothing is known.
            KafkaAway: nothing is known.
        """
        # What is stored is taken first: what is stored meanwhile may be beyond these ends.
        saved = {partition: dict(self.owner.saved.get(partition, {})) for partition in self.owner.held}
        bounds = self.logs.bounds(self.topics)
        counts = Counter(topic for topic, _ in bounds)
        for topic in set(self.topics) - set(counts):
            logger.error("topic %r is gone; `lifelong topics create` makes it anew", topic)
        wrong = added(counts, dict.fromkeys(self.topics, self.partitions))
        for partition in self.owner.lost():
            self.observer.broken("store-behind", self.owner.scope, partition)
            wrong.append(f"the state store holds less of {self.owner.scope} {partition} than was written to it")
        for (topic, partition), log in sorted(bounds.items()):
            source, known = f"{topic}-{partition}", saved.get(partition)
            if known is None:
                continue
            applied = known.get(source, -1)
            if breaks_now(applied, self.owner.origin(partition, source), log):
                wrong.append(f"{source} is not the log that was read: {applied} was applied, now it is {log}")
        return wrong

    def _start(self, topic: str, partition: int, log: Bounds, committed: int) -> Start:
        source = f"{topic}-{partition}"
        applied, origin = self.owner.applied(partition).get(source, -1), self.owner.origin(partition, source)
        start = where_to_begin(applied, origin, log)
        if start.found == "deleted" and not _matters(topic, applied, committed):
            start = Start(start.offset, start.origin)
        if start.found is not None:
            self.observer.broken(start.found, topic, partition)
            logger.critical("%s: %s", source, told(start, applied, log))
        if start.applied is None and committed > applied + 1:
            self._say_behind(source, partition, applied, committed)
        if origin != start.origin or start.applied is not None:
            self.owner.begin_anew(partition, source, start.origin, start.applied)
        return start

    def _say_behind(self, source: str, partition: int, applied: int, committed: int) -> None:
        """Offsets are committed after they were stored: a store that is behind them has lost something."""
        self.observer.broken("store-behind", self.owner.scope, partition)
        text = "%s: the state store lost what it was given: %d is applied, %d was committed; reading it again"
        logger.critical(text, source, applied, committed - 1)


def _matters(topic: str, applied: int, committed: int) -> bool:
    """Whether deleted records are missed: requests are kept for a while only, and a new system begins where it can."""
    return topic != RANK_REQUESTS and (applied >= 0 or committed > 0)


def told(start: Start, applied: int, log: Bounds) -> str:
    """What was found, and what is done about it."""
    match start.found:
        case "made-again":
            return f"the topic was deleted and made again ({applied} was applied): read from its beginning, {log.begin}"
        case "truncated":
            return f"its end was cut off: {applied} was applied, the log ends at {log.end}: read on from there"
        case "deleted":
            gone = log.begin - applied - 1
            return f"{gone} records from {applied + 1} on were deleted before they were applied: they are not in states"
        case _:
            return f"read on from {start.offset}"
