"""Messages and bytes by topic between two moments: what an event costs the broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from schemas.topics import TOPICS
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import Cluster
from streams.log.kafka_range import KafkaRangeReader
from streams.log.records import Inbound

Offsets = Mapping[tuple[str, int], int]


class TopicTraffic(Struct, frozen=True, kw_only=True):
    """Messages and uncompressed bytes (key, value and headers) of a topic, in all and per event sent."""

    messages: int
    messages_per_event: float
    bytes_per_event: float
    bytes_per_message: float


def ends_of(cluster: Cluster) -> Offsets:
    """Return the current end of every partition of our topics."""
    return KafkaAdmin(cluster).ends([topic.name for topic in TOPICS])


def read_traffic(cluster: Cluster, begins: Offsets, ends: Offsets, *, events: int) -> dict[str, TopicTraffic]:
    """Read what was written in between and return the traffic of each topic that had some."""
    if all(end <= begins.get(at, 0) for at, end in ends.items()):
        return {}
    reader = KafkaRangeReader(cluster, begins, ends)
    try:
        return traffic(reader.records(), events=events)
    finally:
        reader.close()


def traffic(records: Iterable[Inbound], *, events: int) -> dict[str, TopicTraffic]:
    """Return the traffic of each topic in these records, most bytes first.

    >>> sent = Inbound(topic="items", partition=0, offset=0, key=b"i1", value=b"12345678", timestamp=0.0)
    >>> traffic([sent, sent], events=4)["items"]
    TopicTraffic(messages=2, messages_per_event=0.5, bytes_per_event=5.0, bytes_per_message=10.0)
    """
    messages, sizes = Counter[str](), Counter[str]()
    for record in records:
        messages[record.topic] += 1
        sizes[record.topic] += size_of(record)
    return {
        topic: TopicTraffic(
            messages=messages[topic],
            messages_per_event=round(messages[topic] / max(1, events), 3),
            bytes_per_event=round(size / max(1, events), 1),
            bytes_per_message=round(size / messages[topic], 1),
        )
        for topic, size in sizes.most_common()
    }


def size_of(record: Inbound) -> int:
    """Return the bytes of a record's key, value and headers."""
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
