"""What a sceptic would run instead, on the rows and masks that ours was judged on, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec

from msgspec import Struct

from inference.evaluation.baselines import FULL, NEEDS
from inference.evaluation.baselines.evaluator import BaselineEvaluator, BaselineResults, ChoiceRow
from inference.evaluation.baselines.tuned import TuningTrial
from schemas.errors import LifelongError
from streams.backtest.process_pool import PoolProgress, ReportProgress, in_processes

CHUNK = 250
EXTRA = {"torch": "torch"}
"""Which optional dependencies bring a package, where it is not `baselines`."""


class UnknownBaseline(LifelongError):
    """There is no baseline of this name."""


class PackagesMissing(LifelongError):
    """A baseline needs packages that are not installed."""


class BaselineRun(Struct, frozen=True, kw_only=True):
    """One baseline: what its lists came to, its whole tuning budget, and how long both took."""

    results: BaselineResults
    trials: tuple[TuningTrial, ...]
    chosen: TuningTrial | None
    seconds: float


class BaselineTuning(Struct, frozen=True):
    """How a baseline was tuned, on what came before judging: the trial that it went on with, and its whole budget.

    `seconds` is what trials and judging took together.
    """

    chosen: TuningTrial | None
    trials: tuple[TuningTrial, ...]
    seconds: float


def named(text: str) -> tuple[str, ...]:
    """The baselines of an option: `baselines` for none, `full` for all, or names with commas between, in any case.

    Raises:
        UnknownBaseline: there is none of that name.

    >>> named("floors"), named("ease, V-SKNN")
    ((), ('EASE', 'V-SKNN'))
    """
    if text in ("floors", "full"):
        return tuple(FULL) if text == "full" else ()
    known = {name.lower(): name for name in FULL}
    wanted = [one.strip() for one in text.split(",") if one.strip()]
    for one in wanted:
        if one.lower() not in known:
            raise UnknownBaseline(f"--baselines {one!r} is none of floors, full, {', '.join(FULL)}")
    return tuple(dict.fromkeys(known[one.lower()] for one in wanted))


def _is_there(package: str) -> bool:
    return find_spec(package) is not None


def check_packages(names: Iterable[str], is_there: Callable[[str], bool] = _is_there) -> None:
    """Nothing, if these baselines can be made here.

    Raises:
        PackagesMissing: they cannot; says what to install.
    """
    missing = sorted({package for name in names for package in NEEDS[name] if not is_there(package)})
    if missing:
        extras = ",".join(sorted({EXTRA.get(package, "baselines") for package in missing}))
        raise PackagesMissing(f"{', '.join(missing)} is not installed: pip install 'lifelong[{extras}]'")


def run_baselines(
    rows: Sequence[ChoiceRow], names: Sequence[str], *, jobs: int, tell: ReportProgress
) -> dict[str, BaselineRun]:
    """Each baseline over all rows, test-then-train, tuned on those before the first judged one."""
    return in_processes(names, partial(run_baseline, rows), jobs=jobs, tell=tell)


def run_baseline(rows: Sequence[ChoiceRow], name: str, tell: ReportProgress) -> BaselineRun:
    """One baseline over all rows, in this process."""
    began, size = time.perf_counter(), len(rows)
    tuned = FULL[name](report=lambda trial, of: tell(PoolProgress(name, 0, size, f"trial {trial} of {of}")))
    evaluator = BaselineEvaluator({name: tuned})
    for start in range(0, size, CHUNK):
        evaluator.take(rows[start : start + CHUNK])
        tell(PoolProgress(name, min(size, start + CHUNK), size, f"HR@10 {evaluator.hit_rate:.4f}"))
    seconds = time.perf_counter() - began
    return BaselineRun(results=evaluator.results(), trials=tuned.trials, chosen=tuned.chosen, seconds=seconds)


def tuning_rows(name: str, tuning: BaselineTuning) -> list[tuple[str, str, str, str]]:
    """A row per trial: the baseline in the first one, the setting, its HR@10, whether it was chosen."""
    return [
        (
            "" if place else f"{name}, {tuning.seconds:.0f} s",
            setting(trial.parameters),
            f"{trial.hit_rate:.4f}",
            "chosen" if trial == tuning.chosen else "",
        )
        for place, trial in enumerate(tuning.trials)
    ]


def setting(parameters: Mapping[str, float]) -> str:
    """Parameters in words.

    >>> setting({"rate": 0.005, "whole": False}), setting({})
    ('rate 0.005, whole no', 'as published')
    """
    words = {True: "yes", False: "no"}
    told = [f"{name} {words[v] if isinstance(v, bool) else format(v, 'g')}" for name, v in parameters.items()]
    return ", ".join(told) or "as published"
