"""A log in memory: topics with the real partitioner, and cursors that each read every record once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from schemas.codec import encode
from schemas.topics import BY_NAME
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message

EVERYTHING = 1_000_000


class Partition:
    """The records of one partition, by offset; those before `start` have been forgotten.

    >>> log = Partition()
    >>> log.read(0), len(log)
    ([], 0)
    """

    def __init__(self) -> None:
        self.start = 0
        self._records: list[Inbound] = []

    def __len__(self) -> int:
        """The offset of the next record."""
        return self.start + len(self._records)

    def __iter__(self) -> Iterator[Inbound]:
        """The records that are kept."""
        return iter(self._records)

    def append(self, record: Inbound) -> None:
        """One more record, whose offset is `len`."""
        self._records.append(record)

    def read(self, at: int, limit: int = EVERYTHING) -> list[Inbound]:
        """At most `limit` records from this offset on."""
        first = max(0, at - self.start)
        return self._records[first : first + limit]

    def forget(self) -> None:
        """Drop what is kept; offsets go on."""
        self.start = len(self)
        self._records.clear()


class InMemoryLog:
    """Topics in memory: append-only partitions of records, and readers who are told which have grown."""

    def __init__(self, *, person_partitions: int, item_partitions: int, clock: Callable[[], float]) -> None:
        counts = {"person": person_partitions, "item": item_partitions, "one": 1}
        self._clock = clock
        self.partitions: dict[str, list[Partition]] = {
            name: [Partition() for _ in range(counts[topic.spread])] for name, topic in BY_NAME.items()
        }
        self._readers: dict[str, list[Cursor]] = {name: [] for name in BY_NAME}
        self._grown: set[tuple[str, int]] = set()

    def append(self, topic: str, key: str | None, value: bytes | None, *, partition: int | None = None) -> Inbound:
        """One more record, at the end of its partition."""
        logs = self.partitions[topic]
        place = partition if partition is not None else partition_of(key or "", len(logs))
        record = Inbound(
            topic=topic,
            partition=place,
            offset=len(logs[place]),
            key=key.encode() if key is not None else None,
            value=value,
            timestamp=self._clock(),
        )
        logs[place].append(record)
        self._grown.add((topic, place))
        for reader in self._readers[topic]:
            reader.behind.add(topic)
        return record

    def tell(self, reader: Cursor, topics: Sequence[str]) -> None:
        """From now on each of these topics is put to what the reader is `behind` in, whenever it has grown."""
        for topic in topics:
            self._readers[topic].append(reader)

    def publish(self, messages: Sequence[Message]) -> None:
        """See `streams.log.ports.Publisher`."""
        for message in messages:
            value = encode(message.value) if message.value is not None else None
            partition = partition_of(message.owner, len(self.partitions[message.topic])) if message.owner else None
            self.append(message.topic, message.key, value, partition=partition)

    def records(self, topic: str) -> list[Inbound]:
        """All records of a topic that are kept, partition by partition."""
        return [record for log in self.partitions[topic] for record in log]

    @property
    def kept(self) -> int:
        """How many records are kept, of all topics."""
        return sum(len(log) - log.start for logs in self.partitions.values() for log in logs)

    def forget(self) -> None:
        """Drop every record: whoever reads this log has read them."""
        for topic, place in self._grown:
            self.partitions[topic][place].forget()
        self._grown.clear()


class Cursor:
    """Where one reader of some topics stands. `start` says where to begin in a partition, none to leave it out."""

    def __init__(self, log: InMemoryLog, topics: Sequence[str], start: Callable[[str, int], int | None]) -> None:
        self._log = log
        self._topics = tuple(topics)
        self._start = start
        self._read: dict[tuple[str, int], int] = {}
        self.behind = set(self._topics)
        """Topics in which there may be records that were not read."""
        log.tell(self, self._topics)

    def next(self, limit: int = EVERYTHING) -> list[Inbound]:
        """At most `limit` records that were not read before: topic by topic, partition by partition."""
        taken: list[Inbound] = []
        if not self.behind:
            return taken
        for topic in [topic for topic in self._topics if topic in self.behind]:
            taken += self._of(topic, limit - len(taken))
            if len(taken) < limit:
                self.behind.discard(topic)
        return taken

    def _of(self, topic: str, limit: int) -> list[Inbound]:
        taken: list[Inbound] = []
        for partition, log in enumerate(self._log.partitions[topic]):
            at = self._read.get((topic, partition))
            if at is None and (at := self._start(topic, partition)) is None:
                continue
            found = log.read(at, limit - len(taken))
            self._read[topic, partition] = at + len(found)
            taken += found
        return taken
