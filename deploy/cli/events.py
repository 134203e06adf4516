"""``lifelong send`` and ``lifelong import``: put events and items into the log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import msgspec
import typer
from rich.progress import track

from deploy.cli.files import read_and_show
from deploy.cli.log_options import takes_log
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import NothingDone
from deploy.cli.terminal import Console, put_line
from deploy.clients import make_publisher, wall_clock
from deploy.settings import load_settings
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.topics import INTERACTIONS, ITEMS
from streams.log.kafka_client import KafkaPublisher

if TYPE_CHECKING:
    from deploy.files.events import Reading
    from deploy.files.items import Catalogue
    from deploy.files.options import Typed
    from schemas.record import Record

INPUTS = ("interactions", "items", "instructions", "rank-requests", "occasions")
SHOWN_REFUSALS = 20
"""How many refused lines are shown; all are counted."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("send")(send)
    app.command("import")(import_file)


def send(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; none or '-': standard input.")] = None,
    topic: Annotated[str, typer.Option(help=f"One of {', '.join(INPUTS)}.")] = INTERACTIONS,
    user: Annotated[str, typer.Option(help="Send a single event of this user.")] = "",
    item: Annotated[str, typer.Option(help="… about this item.")] = "",
    kind: Annotated[str, typer.Option("--type", help="… of this type.")] = "click",
    value: Annotated[float | None, typer.Option(help="… with this value (a rating).")] = None,
    category: Annotated[str, typer.Option(help="… about this category (an instruction).")] = "",
    until: Annotated[
        datetime | None,
        typer.Option(help="… until this time (an instruction); UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for Kafka.", min=0.1)] = 30.0,
) -> None:
    """Send records to a topic: JSON lines, or a single event from options. Each is checked before it is sent.

    Invalid lines are shown with their numbers and the exit status is 1; the others are sent.
    """
    if topic not in INPUTS:
        raise typer.BadParameter(f"{topic!r} is none of {', '.join(INPUTS)}")
    settings = load_settings()
    lines = [(1, _single_event(user, item, kind, value, category, until))] if user else list(_lines(file))
    if not lines:
        raise NothingDone("nothing was sent: there was no line to send")
    reach_kafka(settings, topic)
    publisher = make_publisher(settings)
    sent = refused = 0
    for number, record in _checked(topic, lines):
        if isinstance(record, str):
            refused += 1
            if refused <= SHOWN_REFUSALS:
                put_line(f"line {number}: {record}", err=True)
            continue
        publisher.send(topic, getattr(record, "user_id", None) or record.item_id, encode(record))  # type: ignore[attr-defined]
        sent += 1
    publisher.flush(within=timeout)
    typer.echo(f"Sent {sent} to {topic}." + (f" {refused} lines are invalid and were not sent." if refused else ""))
    if refused or not sent:
        raise typer.Exit(1)


def _checked(topic: str, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Record | str]]:
    """Yield each line's number with its decoded record, or with the reason why it is refused."""
    now = wall_clock()
    for number, line in lines:
        try:
            yield number, decode(topic, line, now=now)
        except DecodeError as exc:
            yield number, f"{exc.reason}: {exc}"


def _single_event(user: str, item: str, kind: str, value: float | None, category: str, until: datetime | None) -> bytes:
    fields = {"type": kind, "event_id": uuid4().hex, "user_id": user, "event_time": wall_clock()}
    parts: dict[str, object] = {"item_id": item or None, "value": value, "category": category or None}
    parts["until"] = until.replace(tzinfo=UTC).timestamp() if until else None
    if kind == "lift":
        # The user may name a category or an item; the message has one field for both.
        parts = {"value": category or item or None}
    return msgspec.json.encode(fields | {name: part for name, part in parts.items() if part is not None})


def _lines(file: Path | None) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines of a file, compressed or not, or of standard input; skip blank ones."""
    from deploy.files.errors import as_unreadable_file
    from deploy.files.tables.opening import open_file

    if file is None or str(file) == "-":
        yield from _numbered(sys.stdin.buffer)
        return
    with as_unreadable_file(file), open_file(file).stream() as stream:
        yield from _numbered(stream)


def _numbered(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    byte_order_mark = b"\xef\xbb\xbf"
    for number, line in enumerate(stream, 1):
        stripped = line.removeprefix(byte_order_mark).strip() if number == 1 else line.strip()
        if stripped:
            yield number, stripped


@takes_log()
def import_file(
    typed: Typed, rate: Annotated[float, typer.Option(help="Events per second; 0: as fast as possible.")] = 0.0
) -> None:
    """Import a file of events, in event-time order, a catalogue, or both; the catalogue is sent first.

    Shows how the files are read first, as `lifelong check` does. A row always gets the same event id, so that sending
    it again has no second effect.
    """
    from deploy.files.report import FileReport

    publisher = make_publisher(load_settings())
    files, loaded = read_and_show(typed, keep=False)
    if files.catalogue is not None:
        typer.echo(f"Sent {send_items(publisher, files.catalogue)} items.")
    if files.events is not None and isinstance(loaded.report, FileReport):
        _send_events(publisher, files.events, loaded.report.events, rate)


def _send_events(publisher: KafkaPublisher, reading: Reading, total: int, rate: float) -> None:
    from deploy.files.errors import Refused

    began = time.monotonic()
    tracked = track(reading.events(Refused()), "importing", total=total, console=Console(stderr=True))
    for index, (_, event) in enumerate(tracked):
        if rate:
            time.sleep(max(0.0, began + index / rate - time.monotonic()))
        publisher.send(INTERACTIONS, event.user_id, encode(event))
    publisher.flush()
    typer.echo(f"Sent {total} events in {time.monotonic() - began:.1f} s.")


def send_items(publisher: KafkaPublisher, catalogue: Catalogue) -> int:
    """Send a catalogue to the topic `items`; return how many items were sent."""
    from deploy.files.errors import Refused

    sent = 0
    for item in catalogue.items(Refused(), Refused()):
        publisher.send(ITEMS, item.item_id, encode(item))
        sent += 1
    publisher.flush()
    return sent
