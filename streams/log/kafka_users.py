"""Finds what topics hold of some users: for erasures, and to prove them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.memories import Memory, named_by
from schemas.topics import MEMORIES
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import Cluster
from streams.log.kafka_range import KafkaRangeReader
from streams.log.partitions import partition_of
from streams.log.records import Inbound


def records_in_partitions_of(cluster: Cluster, topics: Sequence[str], users: Collection[UserId]) -> Iterator[Inbound]:
    """Yield all that there is, of any user, in the partitions of these users; read from beginning to end.

    Raises:
        KafkaAway: call again.
    """
    bounds = KafkaAdmin(cluster).bounds(topics)
    counts = {topic: sum(1 for name, _ in bounds if name == topic) for topic in topics}
    own = {
        (topic, p): log for (topic, p), log in bounds.items() if p in {partition_of(u, counts[topic]) for u in users}
    }
    begins, ends = {at: log.begin for at, log in own.items()}, {at: log.end for at, log in own.items()}
    reader = KafkaRangeReader(cluster, begins, ends)
    try:
        yield from reader.records()
    finally:
        reader.close()


def memories_of(cluster: Cluster, users: Collection[UserId]) -> dict[str, Memory]:
    """Return the newest value of each key of the topic `memories` that names a memory of one of these users.

    Values that cannot be read, and those that were withdrawn, are left out.

    Raises:
        KafkaAway: call again.
    """
    newest: dict[str, Memory] = {}
    for record in records_in_partitions_of(cluster, (MEMORIES,), users):
        try:
            key = (record.key or b"").decode()
            named = named_by(key)
            if named is None or named[0] not in users:
                continue
            newest.pop(key, None)
            if record.value:
                newest[key] = decode(MEMORIES, record.value, now=record.timestamp)
        except (UnicodeDecodeError, DecodeError):
            continue
    return newest
