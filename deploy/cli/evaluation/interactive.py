"""The command ``lifelong evaluate interactive``: conversations with simulated people, judged by programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer
from rich.console import RenderableType

from deploy.cli.evaluation.drift import seed_numbers
from deploy.cli.outputs import check_writable
from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console

if TYPE_CHECKING:
    from agents.dialogue.catalogue import OfferedCatalogue
    from agents.evaluation.interactive.play import InteractiveResult, Played
    from agents.evaluation.interactive.tasks import Task

TASKS_HELP = "A folder of JSON files, a JSON list of tasks, or one task; with --generated none is needed."
CATALOG_HELP = "JSON list of items with an id, a title and facts."
Tasks = Annotated[Path | None, typer.Argument(exists=True, metavar="TASKS", help=TASKS_HELP)]
Catalog = Annotated[Path, typer.Option(exists=True, dir_okay=False, help=CATALOG_HELP)]
InteractiveSeeds = Annotated[str, typer.Option(help="Seeds of wording and order, comma-separated; each is a run.")]
REJECTIONS_HELP = "named: a person says what is wrong, by field; bare: only that something is."
RejectionsOption = Annotated[str, typer.Option(help=REJECTIONS_HELP)]
Generated = Annotated[
    int, typer.Option(min=0, max=100_000, help="Play so many random tasks about the catalogue instead.")
]
GeneratedSeed = Annotated[int, typer.Option(help="Of the random tasks.")]
Transcripts = Annotated[Path | None, typer.Option(help="JSON lines: every conversation with its tool calls.")]
MODES: tuple[Literal["named", "bare"], ...] = ("named", "bare")
_HEADINGS = ("rejections", "success", "constraint", "policy", "turns", "success in 8 turns", "violations")


def interactive(
    catalog: Catalog,
    tasks: Tasks = None,
    as_json: AsJson = False,
    seeds: InteractiveSeeds = "0,1,2,3,4",
    rejections: RejectionsOption = "bare",
    generated: Generated = 0,
    seed: GeneratedSeed = 0,
    transcripts: Transcripts = None,
) -> None:
    """Let simulated people talk to the agent until they accept an item or it abstains: tasks as τ-Rec writes them.

    No language model is asked. The keys of the JSON are those of --rejections; `named` and `bare` have both.
    """
    from agents.evaluation.interactive.generated import generate_tasks
    from agents.evaluation.interactive.play import summarise
    from agents.evaluation.interactive.tasks import read_offered_catalogue, read_tasks

    if rejections not in MODES:
        raise typer.BadParameter(f"{rejections!r} is neither {' nor '.join(MODES)}", param_hint="--rejections")
    if (tasks is None) == (generated == 0):
        raise typer.BadParameter("give either tasks or --generated N", param_hint="TASKS")
    numbers, offered = seed_numbers(seeds), read_offered_catalogue(catalog)
    if transcripts is not None:
        check_writable(transcripts)
    chosen = generate_tasks(offered, generated, seed) if tasks is None else read_tasks(tasks)
    played = _played(chosen, offered, numbers)
    results = {mode: summarise(conversations) for mode, conversations in played.items()}
    if transcripts is not None:
        lines = (msgspec.json.encode({"rejections": mode, **_line(one)}) for mode in MODES for one in played[mode])
        transcripts.write_bytes(b"\n".join(lines) + b"\n")
    if as_json:
        put_json(_encoded(results, rejections))
        return
    console = Console()
    console.print(_table(console, results, f"{len(chosen)} tasks, {len(numbers)} seeds"))


def _played(chosen: Sequence[Task], offered: OfferedCatalogue, numbers: Sequence[int]) -> dict[str, list[Played]]:
    """Return all conversations by how people reject."""
    from agents.evaluation.interactive.play import play_all
    from streams.backtest.process_pool import PoolProgress

    total, done = len(chosen) * len(numbers) * len(MODES), 0
    played: dict[str, list[Played]] = {mode: [] for mode in MODES}
    with work_bar(Console(stderr=True)) as report:
        for mode in MODES:
            for one in play_all(chosen, offered, numbers, mode):
                played[mode].append(one)
                done += 1
                report(PoolProgress("conversations", done, total))
    return played


def _encoded(results: dict[str, InteractiveResult], rejections: str) -> dict[str, Any]:
    both: dict[str, Any] = {mode: msgspec.to_builtins(result) for mode, result in results.items()}
    return {**both[rejections], "rejections": rejections, **both}


def _line(one: Played) -> dict[str, Any]:
    return {**msgspec.to_builtins(one), "success": one.success}


def _table(console: Console, results: dict[str, InteractiveResult], title: str) -> RenderableType:
    rows = [
        (
            mode,
            f"{result.success:.3f}",
            f"{result.constraint:.3f}",
            f"{result.policy:.3f}",
            f"{result.turns:.2f}",
            f"{result.success_within_8_turns:.3f}",
            f"{result.policy_violations}",
        )
        for mode, result in results.items()
    ]
    return listing(console, [Column(name) for name in _HEADINGS], rows, title=title)
