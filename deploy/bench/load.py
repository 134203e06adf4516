"""Events at a stated rate, open loop: each has its intended time, and a slow system does not slow the sender down."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from schemas.codec import encode
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Click
from schemas.items import Item
from schemas.topics import INTERACTIONS, ITEMS
from streams.log.kafka_client import KafkaPublisher

CATEGORY_COUNT = 20


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


def choices(users: int, items: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield (user, item) without end: users uniform, items by Zipf's law within the user's few categories."""
    rng = np.random.default_rng(seed)
    while True:
        user_numbers = rng.integers(0, users, 1_000)
        rank = np.minimum(rng.zipf(1.3, 1_000), items) - 1
        category = (user_numbers * 7 + rng.integers(0, 3, 1_000)) % CATEGORY_COUNT
        item_numbers = (rank // CATEGORY_COUNT * CATEGORY_COUNT + category) % items
        pairs = zip(user_numbers.tolist(), item_numbers.tolist(), strict=True)
        yield from ((f"user-{user}", f"item-{item}") for user, item in pairs)


class Sender:
    """Sends clicks at a rate; `intended` maps each event id to the wall-clock second at which it was due."""

    def __init__(self, publisher: KafkaPublisher, *, users: int, items: int, run: str, seed: int) -> None:
        self._publisher = publisher
        self._choices = choices(users, items, seed)
        self._run = run
        self._sent = 0
        self.intended: dict[str, float] = {}

    def send(self, rate: float, seconds: float) -> None:
        """Send for this many seconds; overdue events are sent at once, and timed from when they were due."""
        began, wall = time.monotonic(), time.time()  # noqa: TID251 - the bench is a client with a clock of its own
        total = int(rate * seconds)
        for number in range(total):
            due = number / rate
            ahead = began + due - time.monotonic()
            if ahead > 0.0005:
                time.sleep(ahead)
            self._send_click(wall + due)
        self._publisher.flush()

    def _send_click(self, due: float) -> None:
        user, item = next(self._choices)
        event_id = EventId(f"{self._run}-{self._sent}")
        self._sent += 1
        self.intended[event_id] = due
        click = Click(event_id=event_id, user_id=UserId(user), event_time=due, item_id=ItemId(item))
        self._publisher.send(INTERACTIONS, user, encode(click))
