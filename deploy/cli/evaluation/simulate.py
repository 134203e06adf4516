"""The command ``lifelong simulate``: simulated users live with the real loop, in process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from deploy.cli.evaluation.replayed_log import compile_for, read_log
from deploy.cli.files import read_and_show
from deploy.cli.log_options import takes_log
from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console
from deploy.files.options import Typed
from deploy.settings import load_settings

if TYPE_CHECKING:
    from agents.simulation.persona import Population
    from streams.backtest.config import EventLog
    from streams.simulation.results import DistributionDistance, Fidelity, SimulationResults
    from streams.simulation.run import SimulationPlan, SimulationRun

SimulatedUsers = Annotated[int, typer.Option("--users", min=1, max=100_000, help="How many simulated users.")]
SimulatedDays = Annotated[float, typer.Option("--days", min=0.1, help="For how many days they live.")]
FitShare = Annotated[
    float, typer.Option("--fit", min=0.05, max=0.95, help="Share of the events to fit and learn from.")
]
SimulationSeed = Annotated[int, typer.Option("--seed", help="Of the model and of everything that users do.")]
MEASURE_COLUMNS = (Column("simulated"), Column("value", right=True), Column("what it is", prose=True))


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command("simulate")(simulate_command)


@takes_log()
def simulate_command(
    typed: Typed,
    users: SimulatedUsers = 50,
    days: SimulatedDays = 7.0,
    fit: FitShare = 0.6,
    seed: SimulationSeed = 0,
    as_json: AsJson = False,
) -> None:
    """Let simulated users live with the real loop: they read its lists and answer, and half-way their tastes change.

    With a log they are fitted to its first part and compared with the real people of the rest; without one they are
    made up. Everything that is printed is simulated.
    """
    from streams.simulation.results import simulation_results
    from streams.simulation.run import SimulationPlan

    plan = SimulationPlan(users=users, days=days, fit=fit, seed=seed)
    results = simulation_results(_simulated(typed, plan), plan)
    if as_json:
        put_json(results)
        return
    console = Console()
    title = f"SIMULATED: {users} users for {days:g} days; {'fitted to the log' if results.fitted else 'made up'}"
    console.print(listing(console, MEASURE_COLUMNS, list(_measures(results)), title=title))


def _simulated(typed: Typed, plan: SimulationPlan) -> SimulationRun:
    from deploy.wiring import make_system_config
    from streams.simulation.run import simulate

    made_up: Population | None = None
    if typed.events is None:
        log, made_up = _without_events(typed, plan.seed)
    else:
        log = read_log(typed)
    compile_for(log)
    with work_bar(Console(stderr=True)) as report:
        return simulate(log, make_system_config(load_settings()), plan, made_up=made_up, tell=report)


def _without_events(typed: Typed, seed: int) -> tuple[EventLog, Population]:
    """Return a log of items alone, of a catalogue or made up, and a made-up population."""
    from msgspec.structs import replace

    from agents.simulation.catalogue import SimulatedCatalogue
    from agents.simulation.made_up import made_up_items, made_up_population
    from schemas.ids import ItemId
    from streams.backtest.config import EventLog

    rng = np.random.default_rng(seed)
    read = read_and_show(typed)[1].items if typed.items is not None else made_up_items(rng)
    items = [replace(item, available_from=item.available_from or 0.0) for item in read]
    catalogue = SimulatedCatalogue({ItemId(item.item_id): item.categories for item in items})
    return EventLog(name="made up", rows=0, events=[], items=items), made_up_population(catalogue, rng)


def _measures(results: SimulationResults) -> Iterator[tuple[str, str, str]]:
    yield "sessions, lists, choices", f"{results.sessions:,} {results.lists:,} {results.choices:,}", ""
    if results.fidelity is not None:
        yield from _fidelity_rows(results.fidelity)
    adapted = results.adaptation
    if adapted is not None:
        later = _triple((adapted.later_fits_before, adapted.later_fits_first, adapted.later_fits_last))
        yield "fits the earlier taste", f"{adapted.fits_before:.2f}", "before the change; 1 is as everybody's choices"
        yield "fits the later taste", later, "before the change, in the first and in the last three lists after it"
        waited = "-" if adapted.lists_to_recover is None else f"{adapted.lists_to_recover:g}"
        what = f"median of the {adapted.recovered:.0%} who recover, of {adapted.displaced} whose lists no longer fit"
        yield "lists to recover", waited, what
    yield "enjoyment per list", _triple(results.enjoyment), "in the first, middle and last third; with satiation"
    yield "chosen per list", _triple(results.chosen), "the same thirds"
    yield "categories in a list", _triple(results.categories), "entropy in bits, by third before the change"
    yield "fits the taste", _triple(results.fits), "by third before the change; 1 is as everybody's choices"
    yield "items shown", f"{results.items_shown:.1%}", "of the catalogue"
    yield "loop per list", f"{results.loop_ms_per_list:.1f} ms", "of processor time, with all events that a list causes"


def _fidelity_rows(fidelity: Fidelity) -> Iterator[tuple[str, str, str]]:
    for name, interval, what in (
        ("accept or reject", fidelity.accept_reject, "right on real choices and on items as popular; a coin has 0.5"),
        ("which of the two", fidelity.which_of_two, "the chosen one is preferred"),
        ("the more popular", fidelity.more_popular, "the chosen one is the more popular one: no taste at all"),
    ):
        yield name, f"{interval.value:.3f}", f"{interval.low:.3f} to {interval.high:.3f}; {what}"
    yield "session length", *_compared(fidelity.session_length, "choices")
    yield "popularity", *_compared(fidelity.popularity, "share of items chosen more often")
    yield "repeats", *_compared(fidelity.repeats, "share of choices")


def _compared(one: DistributionDistance, unit: str) -> tuple[str, str]:
    means = f"real {one.real:.3g}, simulated {one.simulated:.3g}, at random {one.random:.3g}"
    return f"{one.distance:.3f}", f"from real people; drawn at random {one.random_distance:.3f}. Mean {unit}: {means}"


def _triple(values: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)
