"""Produce a click, then subscribe until the recommendations that answer it arrive.

python -m examples.produce_and_consume ann i1 --login .lifelong/application.toml
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import typer
from confluent_kafka import Consumer, Producer

from examples.connection import LOGIN, connection

PARTITIONER = {"partitioner": "murmur2_random"}
"""Java's partitioner: a user's events then arrive at their owner without a forwarding hop."""


def main(user: str, item: str, login: Path = LOGIN, prefix: str = "", seconds: float = 30.0) -> None:
    """Print the ids of the items that are recommended to USER after a click on ITEM, one per line."""
    client = connection(login)
    event_id = produce(client, f"{prefix}interactions", user, item)
    made = subscribe(client, prefix, event_id, seconds)
    if made is None:
        raise SystemExit(f"no list answered event {event_id!r} within {seconds:g} s: see `lifelong status`")
    for ranked in made["slates"][0]["items"]:
        print(ranked["item_id"])


def produce(login: dict[str, Any], topic: str, user: str, item: str) -> str:
    """Produce a click, keyed by user, and wait until the broker has it; the event's id."""
    event_id = uuid4().hex
    click = {"type": "click", "event_id": event_id, "user_id": user, "event_time": time.time(), "item_id": item}
    producer = Producer(login | PARTITIONER)
    producer.produce(topic, key=user, value=json.dumps(click))
    if producer.flush(10):
        raise SystemExit("Kafka did not acknowledge the event within 10 s: see `lifelong status`")
    return event_id


def subscribe(login: dict[str, Any], prefix: str, event_id: str, seconds: float) -> dict[str, Any] | None:
    """The list that names this event among its triggers; none if it does not arrive in time."""
    # An application's groups begin with its name: the broker lets it into no other.
    group = f"{prefix}application-example-{event_id}"
    consumer = Consumer(login | {"group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([f"{prefix}recommendations"])
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            record = consumer.poll(1.0)
            if record is None or record.error() or not (value := record.value()):
                continue
            made: dict[str, Any] = json.loads(value)
            if event_id in made.get("trigger_event_ids", ()):
                return made
    finally:
        consumer.close()
    return None


if __name__ == "__main__":
    typer.run(main)
