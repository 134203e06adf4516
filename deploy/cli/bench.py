"""``lifelong bench``: measure the real stack, from event to list, and over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import replace
from rich.console import RenderableType

from deploy.bench.compare import compare, read_report, refuse_other_settings
from deploy.bench.http.report import HttpPlan, show_http
from deploy.bench.http.run import HttpBench, refuse_without_client
from deploy.bench.plan import BenchPlan, Loop, Skew, check, parse_burst, parse_numbers
from deploy.bench.profile.sampling import py_spy
from deploy.bench.report.figures import BenchReport, RunReport
from deploy.bench.report.tables import show, show_comparison
from deploy.bench.run import measure
from deploy.bench.target import target
from deploy.cli.outputs import check_writable
from deploy.cli.shown import AsJson
from deploy.cli.terminal import Console, put_encoded

Rate = Annotated[float, typer.Option(help="Events per second, in an open loop.")]
Seconds = Annotated[float, typer.Option(help="How long to measure, in seconds.")]
Users = Annotated[int, typer.Option(help="How many users.")]
Items = Annotated[int, typer.Option(help="How many items the catalogue has.")]
Warmup = Annotated[float, typer.Option(help="Seconds of the same load before measuring starts.")]
LoopName = Annotated[
    Loop, typer.Option(help="open: events are due at --rate. closed: each of --clients users waits for a list first.")
]
Clients = Annotated[int, typer.Option(help="How many simulated users, in a closed loop.")]
UsersSkew = Annotated[
    Skew, typer.Option(help="How events spread over users: by Zipf's law as in real logs, or all users alike.")
]
Seeds = Annotated[str, typer.Option(help="Seeds, separated by commas: a run for each, on a stack of its own.")]
BurstText = Annotated[str, typer.Option("--burst", metavar="RATE:SECONDS", help="A burst of this rate within the run.")]
Stall = Annotated[float, typer.Option(help="Stop the worker by SIGSTOP for so many seconds within the run.")]
Profile = Annotated[bool, typer.Option("--profile", help="Sample worker, projector and trainer with py-spy.")]
EngineName = Annotated[
    Literal["python", "flink"], typer.Option("--engine", help="What handles users and item statistics.")
]
CompareFile = Annotated[
    Path | None,
    typer.Option("--compare", help="JSON of an earlier run: print ratios to it.", dir_okay=False, exists=True),
]
SaveFile = Annotated[Path | None, typer.Option("--save", help="Write the JSON to this file too.")]
Here = Annotated[bool, typer.Option(help="Measure the stack that the settings name instead of a temporary one.")]
Connections = Annotated[str, typer.Option(help="Numbers of connections, separated by commas.")]
WhileRate = Annotated[float, typer.Option("--while", metavar="RATE", help="Events per second sent meanwhile.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    group = typer.Typer()
    group.callback(invoke_without_command=True)(bench)
    group.command("http")(http)
    app.add_typer(group, name="bench")


def bench(
    context: typer.Context,
    rate: Rate = 300.0,
    seconds: Seconds = 60.0,
    users: Users = 2_000,
    items: Items = 2_000,
    warmup: Warmup = 10.0,
    loop: LoopName = "open",
    clients: Clients = 8,
    users_skew: UsersSkew = "zipf",
    seeds: Seeds = "0",
    burst: BurstText = "",
    stall: Stall = 0.0,
    profile: Profile = False,
    engine: EngineName = "python",
    comparison: CompareFile = None,
    save: SaveFile = None,
    here: Here = False,
    as_json: AsJson = False,
) -> None:
    """Send events through the real stack, and time each from its intended send to the list that answers it.

    Prints latencies, losses, CPU, memory and messages of a temporary stack of its own, as the events are synthetic.
    """
    if context.invoked_subcommand is not None:
        return _refuse_options(context)
    plan = BenchPlan(
        loop=loop,
        rate=rate,
        clients=clients,
        seconds=seconds,
        warmup_seconds=warmup,
        users=users,
        users_skew=users_skew,
        items=items,
        burst=parse_burst(burst),
        stall_seconds=stall,
        seeds=parse_numbers(seeds, "--seeds"),
        profile=profile,
    )
    _bench(replace(plan, engine=engine), comparison, save, here=here, as_json=as_json)


def _refuse_options(context: typer.Context) -> None:
    """Refuse options before a subcommand, which would have no effect there."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise typer.BadParameter(f"{', '.join(given)}: options of `{context.invoked_subcommand}` stand after it")


def _bench(plan: BenchPlan, comparison: Path | None, save: Path | None, *, here: bool, as_json: bool) -> None:
    check(plan)
    check_writable(save)
    if plan.profile:
        py_spy()
    before = read_report(comparison) if comparison else None
    if before is not None:
        refuse_other_settings(before, BenchReport(plan=plan, runs=()))
    report = BenchReport(plan=plan, runs=tuple(_run(plan, seed, here=here) for seed in plan.seeds))
    if save is not None:
        save.write_bytes(msgspec.json.encode(report))
    _print(report, show(report), as_json=as_json)
    if before is not None:
        Console(stderr=as_json).print(show_comparison(compare(before, report)))


def _run(plan: BenchPlan, seed: int, *, here: bool) -> RunReport:
    with target(_say, here=here, profile=plan.profile, engine=plan.engine) as stack:
        return measure(plan, seed, stack)


def http(
    connections: Connections = "1,8,64",
    seconds: Annotated[float, typer.Option(help="Seconds for each method and number of connections.")] = 15.0,
    while_rate: WhileRate = 0.0,
    users: Users = 2_000,
    items: Items = 2_000,
    here: Here = False,
    as_json: AsJson = False,
) -> None:
    """Read lists and store interactions over HTTP, each over some numbers of connections.

    Prints requests per second, latencies and errors; after storing, how long workers take for the backlog.
    """
    refuse_without_client()
    plan = HttpPlan(
        connections=parse_numbers(connections, "--connections"),
        seconds=seconds,
        while_rate=while_rate,
        users=users,
        items=items,
    )
    with target(_say, here=here) as stack:
        report = HttpBench(plan, stack).measure()
    _print(report, show_http(report), as_json=as_json)


def _say(text: str) -> None:
    Console(stderr=True).print(text)


def _print(report: Struct, tables: RenderableType, *, as_json: bool) -> None:
    if as_json:
        put_encoded(msgspec.json.encode(report))
    else:
        Console().print(tables)
