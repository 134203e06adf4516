"""Lookups in compacted topics: for commands, not for the hot path."""

from __future__ import annotations

from schemas.topics import ITEMS
from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.records import Inbound


def newest_of(cluster: Cluster, topic: str, key: str) -> Inbound | None:
    """Return the newest record with this key, none if its value is empty; reads the whole topic."""
    reader = KafkaTableReader(cluster, (topic,))
    try:
        matching = [record for record in reader.catch_up() if record.key == key.encode()]
    finally:
        reader.close()
    return matching[-1] if matching and matching[-1].value else None


def catalogue(cluster: Cluster) -> list[Inbound]:
    """Return every record of the catalogue."""
    reader = KafkaTableReader(cluster, (ITEMS,))
    try:
        return reader.catch_up()
    finally:
        reader.close()
