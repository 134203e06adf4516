"""A log in memory: topics with Kafka's partitioner, and cursors that each read every record once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from schemas.codec import encode
from schemas.topics import BY_NAME
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message

NO_LIMIT = 1_000_000


class Partition:
    """The records of one partition, by offset; those before `start` were dropped.

    >>> log = Partition()
    >>> log.read(0), len(log)
    ([], 0)
    """

    def __init__(self) -> None:
        self.start = 0
        self._records: list[Inbound] = []

    def __len__(self) -> int:
        """Return the offset of the next record."""
        return self.start + len(self._records)

    def __iter__(self) -> Iterator[Inbound]:
        """Iterate over the records that are kept."""
        return iter(self._records)

    def append(self, record: Inbound) -> None:
        """Append a record, whose offset is `len`."""
        self._records.append(record)

    def read(self, at: int, limit: int = NO_LIMIT) -> list[Inbound]:
        """Return at most `limit` records from offset `at` on."""
        first = max(0, at - self.start)
        return self._records[first : first + limit]

    def forget(self) -> None:
        """Drop all records; offsets go on."""
        self.start = len(self)
        self._records.clear()


class InMemoryLog:
    """Topics in memory: append-only partitions of records, and cursors that learn which topics have grown."""

    def __init__(self, *, person_partitions: int, item_partitions: int, clock: Callable[[], float]) -> None:
        counts = {"person": person_partitions, "item": item_partitions, "one": 1}
        self._clock = clock
        self.partitions: dict[str, list[Partition]] = {
            name: [Partition() for _ in range(counts[topic.spread])] for name, topic in BY_NAME.items()
        }
        self._readers: dict[str, list[Cursor]] = {name: [] for name in BY_NAME}
        self._grown: set[tuple[str, int]] = set()

    def append(self, topic: str, key: str | None, value: bytes | None, *, partition: int | None = None) -> Inbound:
        """Append a record to its partition: that of the key, if none is given."""
        logs = self.partitions[topic]
        index = partition if partition is not None else partition_of(key or "", len(logs))
        record = Inbound(
            topic=topic,
            partition=index,
            offset=len(logs[index]),
            key=key.encode() if key is not None else None,
            value=value,
            timestamp=self._clock(),
        )
        logs[index].append(record)
        self._grown.add((topic, index))
        for reader in self._readers[topic]:
            reader.behind.add(topic)
        return record

    def subscribe(self, reader: Cursor, topics: Sequence[str]) -> None:
        """Add each of these topics to the reader's `behind` whenever it grows."""
        for topic in topics:
            self._readers[topic].append(reader)

    def publish(self, messages: Sequence[Message]) -> None:
        """See `streams.log.ports.Publisher`."""
        for message in messages:
            value = encode(message.value) if message.value is not None else None
            partition = partition_of(message.owner, len(self.partitions[message.topic])) if message.owner else None
            self.append(message.topic, message.key, value, partition=partition)

    def records(self, topic: str) -> list[Inbound]:
        """Return all records of a topic that are kept, partition by partition."""
        return [record for log in self.partitions[topic] for record in log]

    def forget(self) -> None:
        """Drop every record: all readers of this log have read them."""
        for topic, index in self._grown:
            self.partitions[topic][index].forget()
        self._grown.clear()


class Cursor:
    """The position of one reader of some topics. `start` returns the first offset in a partition, none to skip it."""

    def __init__(self, log: InMemoryLog, topics: Sequence[str], start: Callable[[str, int], int | None]) -> None:
        self._log = log
        self._topics = tuple(topics)
        self._start = start
        self._read: dict[tuple[str, int], int] = {}
        self.behind = set(self._topics)
        """Topics that may hold unread records."""
        log.subscribe(self, self._topics)

    def next(self, limit: int = NO_LIMIT) -> list[Inbound]:
        """Return at most `limit` unread records: topic by topic, partition by partition."""
        records: list[Inbound] = []
        if not self.behind:
            return records
        for topic in [topic for topic in self._topics if topic in self.behind]:
            records += self._of(topic, limit - len(records))
            if len(records) < limit:
                self.behind.discard(topic)
        return records

    def _of(self, topic: str, limit: int) -> list[Inbound]:
        records: list[Inbound] = []
        for partition, log in enumerate(self._log.partitions[topic]):
            at = self._read.get((topic, partition))
            if at is None and (at := self._start(topic, partition)) is None:
                continue
            unread = log.read(at, limit - len(records))
            self._read[topic, partition] = at + len(unread)
            records += unread
        return records
