"""The command ``lifelong evaluate growth``: how large the state of one user is after very many events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console

if TYPE_CHECKING:
    from streams.backtest.growth import GrowthPoint

Events = Annotated[int, typer.Option(min=100, help="Events of the user: a million take about twenty minutes.")]
Seed = Annotated[int, typer.Option(help="Seed of what the user does.")]
GROWTH_COLUMNS = tuple(
    Column(name, right=True)
    for name in ("events", "state, kB", "agent, kB", "memories", "consolidated", "ms per event")
)


def growth(events: Events = 20_000, as_json: AsJson = False, seed: Seed = 0) -> None:
    """Let one made-up user act very often, and measure their stored state, and the processor time of an event.

    State is bounded: after some thousand events it stays as large as it is.
    """
    from streams.backtest.growth import grow

    points = list(grow(events, seed=seed))
    if as_json:
        put_json({"points": points})
        return
    console = Console()
    console.print(listing(console, GROWTH_COLUMNS, [_row(point) for point in points], title="One user, without lists"))


def _row(point: GrowthPoint) -> tuple[str, ...]:
    sizes = (f"{point.bytes / 1_000:.1f}", f"{point.agent_bytes / 1_000:.1f}")
    return (f"{point.events}", *sizes, f"{point.memories}", f"{point.consolidated}", f"{point.milliseconds:.2f}")
