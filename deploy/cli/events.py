"""``lifelong send`` and ``lifelong import``: events and items into the log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import msgspec
import typer
from rich.console import Console
from rich.progress import track

from deploy.cli.files import (
    Columns,
    Dates,
    EventsFile,
    ItemsColumns,
    ItemsFile,
    ItemsMap,
    ItemsSeparator,
    Map,
    Separator,
    Types,
    read_and_show,
)
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import NothingDone
from deploy.clients import make_publisher, wall_clock
from deploy.settings import load_settings
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.topics import INTERACTIONS, ITEMS
from streams.log.kafka_client import KafkaPublisher

if TYPE_CHECKING:
    from deploy.files.events import Reading
    from deploy.files.items import Catalogue
    from schemas.record import Record

INPUTS = ("interactions", "items", "instructions", "rank-requests")
SHOWN_REFUSALS = 20
"""How many wrong lines are shown; all are counted."""


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
    """Send records to a topic: JSON lines, or one event by its parts. Each is checked before it is sent.

    A line that is wrong is shown with its number, the others are sent, and the exit status is 1.
    """
    if topic not in INPUTS:
        raise typer.BadParameter(f"{topic!r} is none of {', '.join(INPUTS)}")
    settings = load_settings()
    lines = [(1, _one(user, item, kind, value, category))] if user else list(_lines(file))
    if not lines:
        raise NothingDone("nothing was sent: there was no line to send")
    reach_kafka(settings, topic)
    publisher = make_publisher(settings)
    sent = wrong = 0
    for number, record in _checked(topic, lines):
        if isinstance(record, str):
            wrong += 1
            if wrong <= SHOWN_REFUSALS:
                typer.echo(f"line {number}: {record}", err=True)
            continue
        publisher.send(topic, getattr(record, "user_id", None) or record.item_id, encode(record))  # type: ignore[attr-defined]
        sent += 1
    publisher.flush(within=timeout)
    typer.echo(f"Sent {sent} to {topic}." + (f" {wrong} lines are wrong and were not sent." if wrong else ""))
    if wrong or not sent:
        raise typer.Exit(1)


def _checked(topic: str, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Record | str]]:
    """Each line as the record that it is, or why it is none."""
    now = wall_clock()
    for number, line in lines:
        try:
            yield number, decode(topic, line, now=now)
        except DecodeError as exc:
            yield number, f"{exc.reason}: {exc}"


def _one(user: str, item: str, kind: str, value: float | None, category: str) -> bytes:
    made = {"type": kind, "event_id": uuid4().hex, "user_id": user, "event_time": wall_clock()}
    parts: dict[str, object] = {"item_id": item or None, "value": value, "category": category or None}
    if kind == "lift":
        # What is taken back is named by either; the message has one field for both.
        parts = {"value": category or item or None}
    return msgspec.json.encode(made | {name: part for name, part in parts.items() if part is not None})


def _lines(file: Path | None) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, of a file of any compression or of standard input; blank ones are passed over."""
    from deploy.files.errors import in_words
    from deploy.files.tables.opening import open_file

    if file is None or str(file) == "-":
        yield from _numbered(sys.stdin.buffer)
        return
    with in_words(file), open_file(file).stream() as stream:
        yield from _numbered(stream)


def _numbered(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    mark = b"\xef\xbb\xbf"
    for number, line in enumerate(stream, 1):
        stripped = line.removeprefix(mark).strip() if number == 1 else line.strip()
        if stripped:
            yield number, stripped


def import_file(
    events: EventsFile = None,
    items: ItemsFile = None,
    columns_map: Map = "",
    items_map: ItemsMap = "",
    types: Types = "",
    columns: Columns = "",
    items_columns: ItemsColumns = "",
    separator: Separator = "",
    items_separator: ItemsSeparator = "",
    dates: Dates = "",
    rate: Annotated[float, typer.Option(help="Events per second; 0 is as fast as it goes.")] = 0.0,
    limit: Annotated[int | None, typer.Option(help="Only the first so many, in event-time order.")] = None,
) -> None:
    """Import a file of events, in event-time order, a catalogue, or both; the catalogue is sent first.

    How the files are read is shown first, as by `lifelong check`. The same row has the same event id, however often it
    is sent.
    """
    from deploy.files.options import Typed
    from deploy.files.report import FileReport

    publisher = make_publisher(load_settings())
    headers = (columns, items_columns, separator, items_separator)
    files, loaded = read_and_show(
        Typed(events, items, columns_map, items_map, types, *headers, dates, limit), keep=False
    )
    if files.catalogue is not None:
        typer.echo(f"Sent {send_items(publisher, files.catalogue)} items.")
    if files.events is not None and isinstance(loaded.report, FileReport):
        _send_events(publisher, files.events, loaded.report.events, rate)


def _send_events(publisher: KafkaPublisher, reading: Reading, total: int, rate: float) -> None:
    from deploy.files.errors import Refused

    began = time.monotonic()
    shown = track(reading.events(Refused()), "importing", total=total, console=Console(stderr=True))
    for place, (_, event) in enumerate(shown):
        if rate:
            time.sleep(max(0.0, began + place / rate - time.monotonic()))
        publisher.send(INTERACTIONS, event.user_id, encode(event))
    publisher.flush()
    typer.echo(f"Sent {total} events in {time.monotonic() - began:.1f} s.")


def send_items(publisher: KafkaPublisher, catalogue: Catalogue) -> int:
    """Send a catalogue to `items`; how many."""
    from deploy.files.errors import Refused

    sent = 0
    for item in catalogue.items(Refused(), Refused()):
        publisher.send(ITEMS, item.item_id, encode(item))
        sent += 1
    publisher.flush()
    return sent
