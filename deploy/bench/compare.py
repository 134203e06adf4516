"""Compares a measurement with an earlier one of the same settings: paired ratios, now to before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deploy.bench.errors import CannotMeasure
from deploy.bench.report.figures import BenchReport, RunReport
from deploy.bench.report.series import SecondOfRun
from deploy.bench.report.summary import figures_of

BLOCK_SECONDS = 5
"""Latencies of neighbouring seconds are alike, so the interval is drawn from blocks of so many."""
DRAWS = 2_000


class FigureRatio(Struct, frozen=True, kw_only=True):
    """A figure before and now, each the mean over runs, and the geometric mean of the runs' ratios, paired by seed.

    The ratio is none where a value is 0.
    """

    name: str
    before: float
    now: float
    ratio: float | None


class SecondsRatio(Struct, frozen=True, kw_only=True):
    """The geometric mean of a latency's ratio over seconds paired by seed and time, with a 95 % interval."""

    name: str
    seconds: int
    ratio: float
    low: float
    high: float


class RunComparison(Struct, frozen=True, kw_only=True):
    """A measurement beside an earlier one; `machines` says how the machines differ, empty if they do not."""

    figures: tuple[FigureRatio, ...]
    seconds: tuple[SecondsRatio, ...]
    machines: tuple[str, ...]


def read_report(path: Path) -> BenchReport:
    """Return the report that `--json` or `--save` wrote.

    Raises:
        CannotMeasure: the file holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=BenchReport)
    except msgspec.DecodeError as exc:
        raise CannotMeasure(
            f"{str(path)!r} is not a report of this version's `lifelong bench --json`: {exc}; measure it again"
        ) from exc


def compare(before: BenchReport, now: BenchReport) -> RunComparison:
    """Return the ratios of `now` to `before`.

    Raises:
        CannotMeasure: their settings differ.
    """
    refuse_other_settings(before, now)
    pairs = list(zip(before.runs, now.runs, strict=True))
    return RunComparison(
        figures=tuple(_figures(pairs)),
        seconds=tuple(_seconds(pairs)),
        machines=tuple(differences(pairs[0][0].machine, pairs[0][1].machine, ("processor", "cores", "memory_mb"))),
    )


def refuse_other_settings(before: BenchReport, now: BenchReport) -> None:
    """Refuse runs of other settings; see `compare`."""
    differ = differences(before.plan, now.plan, before.plan.__struct_fields__)
    if differ:
        raise CannotMeasure(f"the settings of the two runs differ, so they cannot be compared: {'; '.join(differ)}")


def differences(before: Struct, now: Struct, names: Sequence[str]) -> list[str]:
    """Return each of these fields that differs, with both values."""
    values = [(name, getattr(before, name), getattr(now, name)) for name in names]
    return [f"{name} {one!r} before, {other!r} now" for name, one, other in values if one != other]


def _figures(pairs: Sequence[tuple[RunReport, RunReport]]) -> Iterator[FigureRatio]:
    values = [(figures_of(before), figures_of(now)) for before, now in pairs]
    for name in values[0][0]:
        if not all(name in before and name in now for before, now in values):
            continue
        olds = np.array([before[name] for before, _ in values])
        news = np.array([now[name] for _, now in values])
        positive = bool((olds > 0).all() and (news > 0).all())
        yield FigureRatio(
            name=name,
            before=round(float(olds.mean()), 3),
            now=round(float(news.mean()), 3),
            ratio=round(float(np.exp(np.log(news / olds).mean())), 3) if positive else None,
        )


def _seconds(pairs: Sequence[tuple[RunReport, RunReport]]) -> Iterator[SecondsRatio]:
    for name in ("p50_ms", "p99_ms"):
        logs = [log_ratios(before.answers.series, now.answers.series, name) for before, now in pairs]
        found = np.concatenate(logs)
        if len(found):
            low, high = interval(found, np.random.default_rng(0))
            ratio = round(float(np.exp(found.mean())), 3)
            yield SecondsRatio(name=name, seconds=len(found), ratio=ratio, low=low, high=high)


def log_ratios(before: Sequence[SecondOfRun], now: Sequence[SecondOfRun], name: str) -> NDArray[np.float64]:
    """Return the logarithms of now to before, of the seconds that both have a value of."""
    olds = {second.second: getattr(second, name) for second in before}
    found = [(olds.get(second.second), getattr(second, name)) for second in now]
    return np.array([np.log(new / old) for old, new in found if old and new], dtype=np.float64)


def interval(logs: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Return the 95 % interval of the geometric mean of ratios, given as logarithms, by a moving-block bootstrap.

    >>> interval(np.log(np.full(20, 2.0)), np.random.default_rng(0))
    (2.0, 2.0)
    """
    block = min(BLOCK_SECONDS, len(logs))
    blocks = -(-len(logs) // block)
    starts = rng.integers(0, len(logs) - block + 1, (DRAWS, blocks))
    indices = (starts[:, :, None] + np.arange(block)).reshape(DRAWS, -1)[:, : len(logs)]
    low, high = np.exp(np.percentile(logs[indices].mean(axis=1), (2.5, 97.5)))
    return round(float(low), 3), round(float(high), 3)
