"""``lifelong bench``: measure the latency from event to list on the real stack, at a stated rate."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from deploy.bench.collect import Collector
from deploy.bench.load import Sender, send_catalogue
from deploy.bench.report import Meter, make_report, show
from deploy.cli.terminal import Console, put_encoded
from deploy.clients import make_cluster, make_publisher
from deploy.embedded.stack import Stack
from deploy.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("bench")(bench)


def bench(
    rate: Annotated[float, typer.Option(help="Events per second.")] = 300.0,
    seconds: Annotated[float, typer.Option(help="How long to measure, in seconds.")] = 60.0,
    users: Annotated[int, typer.Option(help="How many users.")] = 2_000,
    items: Annotated[int, typer.Option(help="How many items.")] = 2_000,
    warmup: Annotated[float, typer.Option(help="Seconds at the same rate before measuring starts.")] = 10.0,
    here: Annotated[
        bool, typer.Option(help="Measure the stack that the settings name instead of a temporary one.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Send events at a stated rate, open loop, through the real stack; time each from its intended send.

    The events are synthetic and must not be learned from elsewhere, so a separate stack is started in a temporary
    directory and stopped again.
    """
    console = Console(stderr=True)
    with _stack(console, here=here) as (settings, pids):
        cluster = make_cluster(settings)
        publisher = make_publisher(settings, linger_ms=0.0)
        send_catalogue(publisher, items)
        collector = Collector(cluster)
        collector.start()
        sender = Sender(publisher, users=users, items=items, run=uuid4().hex[:8], seed=0)
        console.print(f"warming up for {warmup:g} s, then {rate:g} events/s for {seconds:g} s")
        sender.send(rate, warmup)
        collector.wait_for(set(sender.intended), seconds=30)
        sender.intended.clear()
        meter, began = Meter(pids), time.monotonic()
        sender.send(rate, seconds)
        used = meter.read(time.monotonic() - began)
        collector.wait_for(set(sender.intended), seconds=30)
        collector.stop()
    report = make_report(sender.intended, collector.arrivals, rate=rate, seconds=seconds, processes=used)
    if as_json:
        put_encoded(msgspec.json.encode(report))
    else:
        Console().print(show(report))


@contextmanager
def _stack(console: Console, *, here: bool) -> Iterator[tuple[Settings, dict[str, int]]]:
    """Yield the settings of the stack to measure and the pids of its processes; stop a temporary stack afterwards."""
    if here:
        stack = Stack(load_settings(with_endpoints=False))
        yield load_settings(), _pids(stack)
        return
    with TemporaryDirectory(prefix="lifelong-bench-") as folder:
        stack = Stack(load_settings(with_endpoints=False).model_copy(update={"data_dir": Path(folder)}))
        console.print("starting a temporary stack")
        try:
            stack.up(lambda name, state: None, programs=True)
            yield stack.settings(), _pids(stack) | {"bench": os.getpid()}
        finally:
            stack.down()


def _pids(stack: Stack) -> dict[str, int]:
    return {row.name: row.pid for row in stack.status() if row.pid}
