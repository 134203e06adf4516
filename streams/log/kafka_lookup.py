"""The newest record of a key, looked up in a compacted topic: for commands, not for the hot path."""

from __future__ import annotations

from schemas.topics import ITEMS
from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.records import Inbound


def newest_of(cluster: Cluster, topic: str, key: str) -> Inbound | None:
    """The newest record with this key; the whole topic is read for it."""
    reader = KafkaTableReader(cluster, (topic,))
    try:
        mine = [record for record in reader.catch_up() if record.key == key.encode()]
    finally:
        reader.close()
    return mine[-1] if mine else None


def catalogue(cluster: Cluster) -> list[Inbound]:
    """Every record of the catalogue."""
    reader = KafkaTableReader(cluster, (ITEMS,))
    try:
        return reader.catch_up()
    finally:
        reader.close()
