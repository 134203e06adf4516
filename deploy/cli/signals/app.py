"""``lifelong signals``: bring external knowledge in, and show what is believed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.markup import escape

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NoSuch, NothingDone, listing, put_json, utc
from deploy.cli.signals.facts_file import FactsFile, FactsMap, load_facts
from deploy.cli.terminal import Console, put_line
from deploy.clients import make_publisher, wall_clock
from deploy.settings import Settings, load_settings
from features.outside_knowledge import Beliefs
from features.signal_store import SignalStore
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.signals import SIGNAL_SCOPES, ExternalSignal, Scope, parsed_signal_key, signal_key, subject_in_key
from schemas.topics import EXTERNAL_SIGNALS
from streams.log.dead_letters import open_record
from streams.log.kafka_client import KafkaTableReader
from streams.log.records import Inbound

Table = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Parquet, CSV, TSV, JSON or JSON lines.")]
TrendsFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines, one a trend.")]
OfScope = Annotated[Scope, typer.Option("--scope", help="What the rows are about.")]
SourceOption = Annotated[str, typer.Option("--source", help="Who says so, whatever the file says; default: its name.")]
Trust = Annotated[
    float | None,
    typer.Option("--trust", min=0, max=1, help="How far the source is believed at most, whatever the file says."),
]
DateOrder = Annotated[
    str, typer.Option("--dates", help="How to read 01/02/2020: day-first, month-first or year-first.")
]
BELIEF_COLUMNS = (
    Column("attribute"),
    Column("value", prose=True),
    Column("trust", right=True),
    Column("said by", prose=True),
    Column("believed"),
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    signals = typer.Typer(help="External knowledge: bring it in, and show what is believed.", no_args_is_help=True)
    signals.command("facts")(facts)
    signals.command("holidays")(holidays)
    signals.command("trends")(trends)
    signals.command("show")(show)
    app.add_typer(signals, name="signals")


def facts(
    file: Table,
    facts_map: FactsMap = "",
    scope: OfScope = "item",
    source: SourceOption = "",
    trust: Trust = None,
    dates: DateOrder = "",
) -> None:
    """Send a table of facts: a row for each item (or category, place, time), or a row for each fact.

    A source's newer record about an item replaces its older one, so sending a file again has no second effect.
    """
    _send(load_settings(), load_facts(FactsFile(file, facts_map, dates, scope, source, trust)))


def holidays(
    country: Annotated[str, typer.Option(help="ISO 3166-1 code, such as DE.")],
    years: Annotated[str, typer.Option(help="Years with commas between: 2026,2027.")],
    part: Annotated[str, typer.Option(help="A part of the country, such as BY.")] = "",
    time_zone: Annotated[str, typer.Option(help="The time zone in which days begin, such as Europe/Berlin.")] = "UTC",
) -> None:
    """Send the public holidays of a country, by the package `holidays` (extra `knowledge`)."""
    from deploy.connectors.holiday_calendar import holiday_signal

    zone, now = _zone(time_zone), wall_clock()
    _send(
        load_settings(), [holiday_signal(country.upper(), _years(years), part=part.upper(), zone=zone, recorded_at=now)]
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        text = f"{name!r} is no time zone; give its IANA name, such as Europe/Berlin"
        raise typer.BadParameter(text, param_hint="--time-zone") from exc


def _years(text: str) -> list[int]:
    """Return the years of a text.

    >>> _years("2026, 2027,")
    [2026, 2027]
    """
    numbers = [year.strip() for year in text.split(",") if year.strip()]
    if not numbers or not all(number.isdecimal() and 1900 <= int(number) <= 2200 for number in numbers):
        raise typer.BadParameter(f"{text!r} is not years with commas between", param_hint="--years")
    return [int(number) for number in numbers]


def trends(
    file: TrendsFile,
    source: Annotated[str, typer.Option("--source", help="Who says so.")] = "trends",
    trust: Annotated[
        float, typer.Option("--trust", min=0, max=1, help="How far the feed is believed; lines may lower it.")
    ] = 0.5,
) -> None:
    """Send a feed of trends: JSON lines such as {"subject": "Comedy", "trend": 0.5, "until": 1800000000}.

    Invalid lines are shown and the exit status is 1; the others are sent.
    """
    from deploy.connectors.trend_feed import trend_signals

    lines = enumerate(file.read_bytes().splitlines(), 1)
    read = list(trend_signals(lines, source=source, trust=trust, recorded_at=wall_clock()))
    refused = [line for line in read if isinstance(line, str)]
    for line in refused:
        put_line(line, err=True)
    _send(load_settings(), [signal for signal in read if isinstance(signal, ExternalSignal)])
    if refused:
        raise typer.Exit(1)


def show(
    scope: Annotated[str, typer.Argument(help="What it is about, such as item/i1, category/Comedy or place/DE.")],
    at: Annotated[
        float | None, typer.Option(help="As of this event time, in seconds since 1970; default: now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is believed of an item, a category, a place or a time, who says so, and what is not, and why."""
    kind, _, subject = scope.partition("/")
    if kind not in SIGNAL_SCOPES or not subject:
        raise typer.BadParameter(f"{scope!r} is not one of {', '.join(SIGNAL_SCOPES)}, then '/' and a name")
    now = wall_clock()
    said = said_of(_records(load_settings()), kind, subject, now=now)
    if not said:
        raise NoSuch(f"no source says anything of {scope!r}")
    beliefs = said.beliefs(kind, subject, now if at is None else at)
    if as_json:
        put_json(beliefs)
        return
    console = Console(highlight=False)
    title = f"{scope}, as of {utc(now if at is None else at)}"
    console.print(listing(console, BELIEF_COLUMNS, _rows(beliefs), title=title))
    for document in beliefs.documents:
        put_line(f"{document.source}: {document.title or document.text[:200]}")


def said_of(records: Iterable[Inbound], scope: Scope, subject: str, *, now: float) -> SignalStore:
    """Return what is said of a scope, in a store as workers have it; what is no signal is passed over, as they do."""
    store = SignalStore()
    for record in records:
        key = parsed_signal_key((record.key or b"").decode(errors="replace"))
        if key is None or (key.scope, key.subject) != (scope, subject_in_key(scope, subject)):
            continue
        try:
            signal: ExternalSignal | None = open_record(record, now=now)
        except DecodeError:
            continue
        if signal is None:
            store.forget(key)
        else:
            store.take(signal)
    return store


def _rows(beliefs: Beliefs) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for fact in beliefs.facts:
        said_by = escape(", ".join(fact.sources))
        rows.append((escape(fact.attribute), _said(fact.value), f"{fact.trust:g}", said_by, "[green]yes[/]"))
    for lost in beliefs.lost:
        own = lost.fact
        said = (escape(own.attribute), _said(own.value), f"{own.trust:g}", escape(own.source))
        rows.append((*said, f"no: {escape(lost.why)}"))
    return rows


def _said(value: Any) -> str:
    return escape(f"{value:.10g}" if isinstance(value, float) else str(value))


def _send(settings: Settings, signals: Iterable[ExternalSignal]) -> None:
    """Send signals; one that readers would refuse is named instead, and then the exit status is 1."""
    reach_kafka(settings, EXTERNAL_SIGNALS)
    publisher, sent, said, refused = make_publisher(settings), 0, 0, 0
    for signal in signals:
        key, value = signal_key(signal), encode(signal)
        try:
            decode(EXTERNAL_SIGNALS, value, now=wall_clock())
        except DecodeError as exc:
            put_line(f"{key} is not sent, {exc.reason}: {exc}", err=True)
            refused += 1
        else:
            publisher.send(EXTERNAL_SIGNALS, str(key), value)
            sent, said = sent + 1, said + len(signal.facts)
    if not sent:
        raise NothingDone("nothing was sent")
    publisher.flush()
    typer.echo(f"Sent {sent} signals with {said} facts to {EXTERNAL_SIGNALS}.")
    if refused:
        raise typer.Exit(1)


def _records(settings: Settings) -> list[Inbound]:
    reader = KafkaTableReader(reach_kafka(settings, EXTERNAL_SIGNALS), (EXTERNAL_SIGNALS,))
    try:
        return reader.catch_up()
    finally:
        reader.close()
