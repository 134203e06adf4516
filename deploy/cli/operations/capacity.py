"""``lifelong capacity``: what a platform of a given size needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from msgspec import Struct

from deploy.bench.capacity import Assumptions, Costs, Need, Size, costs_of, need_cells, needs
from deploy.bench.compare import read_report
from deploy.bench.measured_costs import MEASURED_COSTS
from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console

Engine = Annotated[Literal["python", "flink"], typer.Option(help="What handles users and item statistics.")]
Events = Annotated[float, typer.Option("--events", help="Events per second at the peak.", min=0.001)]
Users = Annotated[int, typer.Option(help="How many users.", min=1)]
Items = Annotated[int, typer.Option(help="How many items.", min=1)]
ChoicesEach = Annotated[int, typer.Option("--choices", help="Choices that a user's state reflects.", min=1)]
BenchFile = Annotated[
    Path | None,
    typer.Option("--bench", help="JSON of `lifelong bench --save` whose costs count.", dir_okay=False, exists=True),
]
NEED_COLUMNS = (Column("what"), Column("amount", right=True), Column("unit"), Column("limit", prose=True))


class CapacityReport(Struct, frozen=True, kw_only=True):
    """What was asked, what was assumed, and what follows."""

    size: Size
    assumptions: Assumptions
    costs: Costs
    needs: list[Need]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("capacity")(capacity)


def capacity(
    events: Events = 1_000.0,
    users: Users = 1_000_000,
    items: Items = 100_000,
    choices: ChoicesEach = 200,
    engine: Engine = "python",
    bench: BenchFile = None,
    as_json: AsJson = False,
) -> None:
    """Compute cores, partitions, memory and Kafka's bytes for a number of events, users and items.

    From costs per event that were measured once, or by `--bench` from your own machine's.
    """
    costs = costs_of(read_report(bench)) if bench else MEASURED_COSTS[engine]
    size = Size(events_per_second=events, users=users, items=items, choices_per_user=choices)
    report = CapacityReport(size=size, assumptions=Assumptions(), costs=costs, needs=needs(size, costs, Assumptions()))
    if as_json:
        put_json(report)
        return
    console = Console(highlight=False)
    console.print(listing(console, NEED_COLUMNS, [need_cells(need) for need in report.needs]))
