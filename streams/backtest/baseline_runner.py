"""Runs of tuned baselines on the rows and masks of the prequential evaluation, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec

from msgspec import Struct

from inference.evaluation.baselines import FULL, NEEDS
from inference.evaluation.baselines.evaluator import BaselineEvaluator, BaselineResults, ChoiceRow
from inference.evaluation.baselines.tuned import TuningTrial
from schemas.errors import LifelongError, PackagesMissing
from streams.backtest.process_pool import PoolProgress, ReportProgress, in_processes

BASELINE_CHUNK_ROWS = 250
EXTRA = {"torch": "torch"}
"""The extra of the distribution that brings a package, where it is not `baselines`."""


class UnknownBaseline(LifelongError):
    """There is no baseline of this name."""


class BaselineRun(Struct, frozen=True, kw_only=True):
    """A run of one baseline: its results, all trials of its tuning, and the seconds of both."""

    results: BaselineResults
    trials: tuple[TuningTrial, ...]
    chosen: TuningTrial | None
    seconds: float


class BaselineTuning(Struct, frozen=True):
    """How a baseline was tuned on the rows of the warm-up: the chosen trial, and all trials.

    `seconds` is the time of trials and evaluation together.
    """

    chosen: TuningTrial | None
    trials: tuple[TuningTrial, ...]
    seconds: float


def named(text: str) -> tuple[str, ...]:
    """Return the baselines of an option: `floors` for none, `full` for all, or names separated by commas, in any case.

    Raises:
        UnknownBaseline: there is none of that name.

    >>> named("floors"), named("ease, V-SKNN")
    ((), ('EASE', 'V-SKNN'))
    """
    if text in ("floors", "full"):
        return tuple(FULL) if text == "full" else ()
    by_lower_case = {name.lower(): name for name in FULL}
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name.lower() not in by_lower_case:
            raise UnknownBaseline(f"--baselines {name!r} is none of floors, full, {', '.join(FULL)}")
    return tuple(dict.fromkeys(by_lower_case[name.lower()] for name in names))


def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


def check_packages(names: Iterable[str], is_installed: Callable[[str], bool] = _is_installed) -> None:
    """Check that the packages of these baselines are installed.

    Raises:
        PackagesMissing: some are not; the message says what to install.
    """
    missing = sorted({package for name in names for package in NEEDS[name] if not is_installed(package)})
    if missing:
        extras = ",".join(sorted({EXTRA.get(package, "baselines") for package in missing}))
        raise PackagesMissing(f"{', '.join(missing)} is not installed: pip install 'lifelong[{extras}]'")


def run_baselines(
    rows: Sequence[ChoiceRow], names: Sequence[str], *, jobs: int, tell: ReportProgress
) -> dict[str, BaselineRun]:
    """Run each baseline over all rows, test-then-train, tuned on those before the first evaluated one."""
    return in_processes(names, partial(run_baseline, rows), jobs=jobs, tell=tell)


def run_baseline(rows: Sequence[ChoiceRow], name: str, tell: ReportProgress) -> BaselineRun:
    """Run one baseline over all rows, in this process."""
    began, size = time.perf_counter(), len(rows)
    baseline = FULL[name](report=lambda trial, of: tell(PoolProgress(name, 0, size, f"trial {trial} of {of}")))
    evaluator = BaselineEvaluator({name: baseline})
    for start in range(0, size, BASELINE_CHUNK_ROWS):
        evaluator.take(rows[start : start + BASELINE_CHUNK_ROWS])
        tell(PoolProgress(name, min(size, start + BASELINE_CHUNK_ROWS), size, f"HR@10 {evaluator.hit_rate:.4f}"))
    seconds = time.perf_counter() - began
    return BaselineRun(results=evaluator.results(), trials=baseline.trials, chosen=baseline.chosen, seconds=seconds)


def tuning_rows(name: str, tuning: BaselineTuning) -> list[tuple[str, str, str, str]]:
    """Return a row per trial: the baseline's name in the first one, the setting, its HR@10, whether it was chosen."""
    return [
        (
            "" if number else f"{name}, {tuning.seconds:.0f} s",
            setting(trial.parameters),
            f"{trial.hit_rate:.4f}",
            "chosen" if trial == tuning.chosen else "",
        )
        for number, trial in enumerate(tuning.trials)
    ]


def setting(parameters: Mapping[str, float]) -> str:
    """Return parameters as text.

    >>> setting({"rate": 0.005, "whole": False}), setting({})
    ('rate 0.005, whole no', 'as published')
    """
    words = {True: "yes", False: "no"}
    settings = [f"{name} {words[v] if isinstance(v, bool) else format(v, 'g')}" for name, v in parameters.items()]
    return ", ".join(settings) or "as published"
