"""A catalogue of synthetic items."""

from __future__ import annotations

from deploy.bench.load.choices import CATEGORY_COUNT
from schemas.codec import encode
from schemas.ids import ItemId
from schemas.items import Item
from schemas.topics import ITEMS
from streams.log.kafka_client import KafkaPublisher


def send_catalogue(publisher: KafkaPublisher, items: int) -> None:
    """Send a catalogue of this many items in twenty categories."""
    for number in range(items):
        name = f"item-{number}"
        item = Item(
            item_id=ItemId(name),
            title=f"Item {number}",
            categories=(f"category-{number % CATEGORY_COUNT}",),
            available_from=1_000_000_000.0,
        )
        publisher.send(ITEMS, name, encode(item))
    publisher.flush()
