"""The partitioner: Java's murmur2, which Kafka's own clients use."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=200_000)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key among `partitions`.

    >>> partition_of("u1", 8) == partition_of("u1", 8)
    True
    """
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)
