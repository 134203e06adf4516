"""``lifelong send`` and ``lifelong import``: events and items into the log."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import msgspec
import typer
from rich.console import Console
from rich.progress import track

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import NothingDone
from deploy.clients import make_publisher, wall_clock
from deploy.settings import load_settings
from schemas.codec import decode, encode
from schemas.topics import INTERACTIONS, ITEMS
from streams.kafka_client import KafkaPublisher

if TYPE_CHECKING:
    from deploy.importing import Refused

INPUTS = ("interactions", "items", "instructions", "rank-requests")


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("send")(send)
    app.command("import")(import_file)


def send(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; none or '-' for standard input.")] = None,
    topic: Annotated[str, typer.Option(help=f"One of {', '.join(INPUTS)}.")] = INTERACTIONS,
    user: Annotated[str, typer.Option(help="Send one event, of this user.")] = "",
    item: Annotated[str, typer.Option(help="… about this item.")] = "",
    kind: Annotated[str, typer.Option("--type", help="… of this type.")] = "click",
    value: Annotated[float | None, typer.Option(help="… with this value (a rating).")] = None,
    category: Annotated[str, typer.Option(help="… about this category (an instruction).")] = "",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for Kafka.", min=0.1)] = 30.0,
) -> None:
    """Send records to a topic: JSON lines, or one event by its parts. Each is checked before it is sent."""
    if topic not in INPUTS:
        raise typer.BadParameter(f"{topic!r} is none of {', '.join(INPUTS)}")
    settings = load_settings()
    lines = [_one(user, item, kind, value, category)] if user else _lines(file)
    if not lines:
        raise NothingDone("nothing was sent: there was no line to send")
    reach_kafka(settings, topic)
    publisher = make_publisher(settings)
    now = wall_clock()
    sent = 0
    for line in lines:
        record = decode(topic, line, now=now)
        publisher.send(topic, getattr(record, "user_id", None) or record.item_id, encode(record))
        sent += 1
    publisher.flush(within=timeout)
    Console().print(f"Sent {sent} to {topic}.")


def _one(user: str, item: str, kind: str, value: float | None, category: str) -> bytes:
    made = {"type": kind, "event_id": uuid4().hex, "user_id": user, "event_time": wall_clock()}
    parts: dict[str, object] = {"item_id": item or None, "value": value, "category": category or None}
    if kind == "lift":
        # What is taken back is named by either; the message has one field for both.
        parts = {"value": category or item or None}
    return msgspec.json.encode(made | {name: part for name, part in parts.items() if part is not None})


def _lines(file: Path | None) -> list[bytes]:
    content = sys.stdin.buffer.read() if file is None or str(file) == "-" else file.read_bytes()
    return [line for line in content.splitlines() if line.strip()]


def import_file(
    events: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines or Parquet.")],
    items: Annotated[Path | None, typer.Option(help="A catalogue, sent first.")] = None,
    columns: Annotated[str, typer.Option("--map", help="Whose column is which: user=…,item=…,time=…,value=…")] = "",
    rate: Annotated[float, typer.Option(help="Events per second; 0 is as fast as it goes.")] = 0.0,
    limit: Annotated[int | None, typer.Option(help="Only the first so many, in event-time order.")] = None,
) -> None:
    """Import a file of events, in event-time order. The same row has the same event id, however often it is sent."""
    from deploy.importing import Refused, parse_map, read_events

    settings = load_settings()
    console, refused = Console(), Refused()
    publisher = make_publisher(settings)
    if items is not None:
        console.print(f"Sent {send_items(publisher, items, refused)} items.")
    found = read_events(events, parse_map(columns), now=wall_clock(), refused=refused, limit=limit)
    began = time.monotonic()
    for place, (_, event) in enumerate(track(found, "importing", console=console)):
        if rate:
            time.sleep(max(0.0, began + place / rate - time.monotonic()))
        publisher.send(INTERACTIONS, event.user_id, encode(event))
    publisher.flush()
    console.print(f"Sent {len(found)} events in {time.monotonic() - began:.1f} s.")
    for reason, count in refused.reasons.most_common():
        console.print(f"[yellow]![/] {count} rows refused: {reason}")


def send_items(publisher: KafkaPublisher, path: Path, refused: Refused) -> int:
    """Send a catalogue to `items`; how many."""
    from deploy.importing import read_items

    sent = 0
    for item in read_items(path, now=wall_clock(), refused=refused):
        publisher.send(ITEMS, item.item_id, encode(item))
        sent += 1
    publisher.flush()
    return sent
