"""Finds what topics hold of some users: for erasures, and to prove them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.memories import Memory
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


def memory_keys(cluster: Cluster, users: Mapping[UserId, float]) -> dict[str, UserId]:
    """Return the keys of the topic `memories` that hold a memory of one of these users, recorded up to the event time
    of each, and whose it is.

    Raises:
        KafkaAway: call again.
    """
    newest: dict[bytes, Inbound] = {}
    for record in records_in_partitions_of(cluster, (MEMORIES,), users):
        if _user_of(record.key) in users:
            newest[record.key or b""] = record
    return {
        key.decode(): user
        for key, record in newest.items()
        if record.value and (user := _user_of(key)) is not None and _recorded_from(record) <= users[user]
    }


def _user_of(key: bytes | None) -> UserId | None:
    """Return whose memory a key names, none if it names no memory.

    >>> _user_of(b"ann/3f2a"), _user_of(b"ann")
    ('ann', None)
    """
    try:
        user, _, _ = (key or b"").decode().rpartition("/")
    except UnicodeDecodeError:
        return None
    return UserId(user) if user else None


def _recorded_from(record: Inbound) -> float:
    """Return since when the memory is believed; from ever if that cannot be read."""
    try:
        memory: Memory = decode(MEMORIES, record.value, now=record.timestamp)
    except DecodeError:
        return 0.0
    return memory.recorded_from
