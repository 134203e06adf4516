"""The command ``lifelong evaluate drift``: how well the memory follows changing preferences, beside three baselines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from deploy.cli.progress_bars import work_bar
from deploy.cli.shown import AsJson, Column, listing, put_json
from deploy.cli.terminal import Console

if TYPE_CHECKING:
    from agents.evaluation.drift import DriftResult, SeededShare

STUDY_HELP = "The folder data/shopping of facebookresearch/PAHF."
StudyFolder = Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="PAHF_DIR", help=STUDY_HELP)]
Seeds = Annotated[str, typer.Option(help="Seeds of the order of questions, comma-separated; each is a run.")]
Noise = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of facts that are heard the wrong way round.")]
HEADINGS = {
    "phase_1": "phase 1",
    "phase_2": "phase 2",
    "first_round_after_drift": "just after",
    "phase_3": "phase 3",
    "phase_4": "phase 4",
}


def drift(study: StudyFolder, as_json: AsJson = False, seeds: Seeds = "0,1,2,3,4", noise: Noise = 0.0) -> None:
    """Play PAHF's shopping study through the memory: users correct it, change their preferences, correct it again.

    No language model is asked. Every answer is chosen before its feedback is given.
    """
    from agents.evaluation.drift import evaluate
    from agents.evaluation.pahf import read_study
    from streams.backtest.process_pool import PoolProgress

    numbers = seed_numbers(seeds)
    read = read_study(study)
    with work_bar(Console(stderr=True)) as report:
        results = evaluate(read, numbers, lambda done, total: report(PoolProgress("studies", done, total)), noise=noise)
    if as_json:
        put_json(_encoded(results, numbers, noise))
        return
    console = Console()
    for shopper in dict.fromkeys(result.shopper for result in results):
        console.print(_table(console, results, shopper, len(numbers)))


def seed_numbers(seeds: str) -> tuple[int, ...]:
    """Return the seeds of an option, each once; refuse what is no list of whole numbers."""
    try:
        numbers = tuple(dict.fromkeys(int(seed) for seed in seeds.split(",")))
    except ValueError:
        raise typer.BadParameter(
            f"{seeds!r} is no list of whole numbers, such as 0,1,2", param_hint="--seeds"
        ) from None
    return numbers


def _encoded(results: Sequence[DriftResult], seeds: Sequence[int], noise: float) -> dict[str, Any]:
    """Return the results as JSON; the means of Lifelong's memory with the curious shopper stand on top."""
    own = next(one for one in results if (one.memory, one.shopper) == ("Lifelong", "curious"))
    return {name: share.mean for name, share in own.shares.items()} | {
        "seeds": seeds,
        "noise": noise,
        "results": results,
    }


def _table(console: Console, results: Sequence[DriftResult], shopper: str, seeds: int) -> RenderableType:
    columns = (Column("memory"), *(Column(name, right=True) for name in HEADINGS.values()))
    own = [result for result in results if result.shopper == shopper]
    rows = [(result.memory, *(_cell(result.shares[name]) for name in HEADINGS)) for result in own]
    over = f"{seeds} seed{'s' if seeds > 1 else ''}"
    return listing(console, columns, rows, title=f"Right answers of a {shopper} shopper: mean and spread over {over}")


def _cell(share: SeededShare) -> str:
    return f"{share.mean:.3f} ±{share.spread:.3f}"
