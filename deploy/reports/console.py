"""The console report of a backtest."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table

from inference.evaluation.baselines.evaluator import BASELINES
from inference.evaluation.intervals.interval import Interval
from streams.backtest.ablations import by_worth, noise
from streams.backtest.baseline_runner import tuning_rows
from streams.backtest.results import OURS, TOPIC, BacktestResults, Part

SHORT_NAMES = dict(
    zip((OURS, TOPIC, *BASELINES), (OURS, "topic", "popularity", "decayed", "kNN", "kNN + pop"), strict=True)
)


def console_report(results: BacktestResults) -> RenderableType:
    """Return all tables, for a terminal."""
    parts: list[RenderableType] = [
        _head(results),
        "",
        _systems(results),
        _differences(results),
        *_tuning(results),
        *_additions(results),
        _parts("HR@10 by past events of the user", results.by_person),
        _parts("HR@10 by past events of the item", results.by_item),
        _parts("HR@10 by week", results.by_week),
        _miss_analysis(results),
        _baskets(results),
        _topic_and_speed(results),
    ]
    return Group(*parts)


def _titled(title: str, table: RenderableType) -> RenderableType:
    """Return a table below its title, which does not widen the columns."""
    return Group(f"[bold]{title}[/]", table, "")


def _table(*columns: str) -> Table:
    table = Table("", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _head(results: BacktestResults) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    share = f"the first {results.plan.warm_up:.0%} of the rows are only learned from"
    table.add_row("[bold]replayed[/]", f"{results.events} events of {results.data}, {results.choices} of them choices")
    table.add_row("[bold]evaluated[/]", f"{results.evaluated} choices of {results.people} users; {share}")
    for reason, count in {**results.refused, **results.unused}.items():
        table.add_row("[yellow]refused[/]", f"{count} rows: {reason}")
    return table


def _systems(results: BacktestResults) -> RenderableType:
    names = ("HR@10", "NDCG@10", "MRR", "new users", "coverage", "novelty")
    table = _table(*names)
    for name, metrics in results.systems.items():
        shown, new = results.shown[name], results.new_people[name]
        values = (metrics.hit_rate, metrics.gain, metrics.reciprocal_rank, new.hit_rate, shown.coverage)
        table.add_row(name, *(f"{value:.4f}" for value in values), f"{shown.novelty:.2f}")
    return _titled("Test, then train: new users is HR@10 of first choices, novelty in bits", table)


def _differences(results: BacktestResults) -> RenderableType:
    table = _table("HR@10", "NDCG@10")
    for name, intervals in results.differences.items():
        table.add_row(f"less {name}", *(_interval(intervals[measure]) for measure in ("hit_rate", "gain")))
    return _titled(f"{OURS} less each of the others, with 95 % intervals over users", table)


def _interval(interval: Interval) -> str:
    return f"{interval.value:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _tuning(results: BacktestResults) -> list[RenderableType]:
    """Return each baseline's tuning: the result of every trial; empty where there are no baselines."""
    if not results.baselines:
        return []
    table = _table("setting", "HR@10", "")
    for name, tuning in results.baselines.items():
        for row in tuning_rows(name, tuning):
            table.add_row(*row)
    return [_titled("How the baselines were tuned: all trials, on the choices before evaluation", table)]


def _additions(results: BacktestResults) -> list[RenderableType]:
    """Return what each part adds, the most first; empty without ablations."""
    if results.additions is None:
        return []
    table = _table("HR@10", "NDCG@10", "ms")
    for name, addition in by_worth(results.additions):
        values = (_short(addition.hit_rate), _short(addition.gain), f"{addition.ms_per_event:+.2f}")
        table.add_row(name, *values)
    title = "What each part adds, with 95 % intervals; ms of processor time per event"
    return [_titled(title, Group(table, noise(results.additions)))]


def _short(interval: Interval) -> str:
    return _interval(interval).replace("0.", ".")


def _parts(title: str, parts: tuple[Part, ...]) -> RenderableType:
    table = _table("choices", *SHORT_NAMES.values())
    for part in parts:
        measures = part.measures
        table.add_row(
            part.name, str(measures[OURS].events), *(f"{measures[name].hit_rate:.3f}" for name in SHORT_NAMES)
        )
    return _titled(title, table)


def _miss_analysis(results: BacktestResults) -> RenderableType:
    misses = results.miss_analysis
    table = _table(*misses.groups, "all", "share")
    for fate, counts in zip(misses.fates, misses.counts, strict=True):
        total = sum(counts)
        table.add_row(fate, *map(str, counts), str(total), f"{total / max(1, results.evaluated):.1%}")
    return _titled("Miss analysis: what became of choices, by past events of the user", table)


def _baskets(results: BacktestResults) -> RenderableType:
    baskets = results.next_basket
    kind = "as named by the events" if baskets.named else "sessions, split at gaps of half an hour"
    table = _table(f"all {baskets.baskets}", f"{baskets.later_baskets} not the first")
    for name, value in baskets.recall.items():
        table.add_row(name, f"{value:.4f}", f"{baskets.later_recall[name]:.4f}")
    return _titled(f"Next-basket recall@10: {kind}", table)


def _topic_and_speed(results: BacktestResults) -> RenderableType:
    table, speed = Table.grid(padding=(0, 2)), results.speed
    kinds = {"own": "the user's own", "default": "the non-personalised one", "none": "none unexpired"}
    served = (f"{kinds[kind]} {part.share:.0%} (HR {part.hit_rate:.3f})" for kind, part in results.topic.items())
    table.add_row("[bold]topic's list[/]", "; ".join(served))
    lines = results.explanations
    table.add_row(
        "[bold]explanations[/]", f"{lines.generic:.0%} generic, {lines.checked:.0%} checked, of {lines.lines}"
    )
    table.add_row("[bold]calibration error[/]", _errors({k: v.error for k, v in results.calibration.items()}))
    table.add_row(
        "[bold]speed[/]",
        f"{speed.events_per_second:.0f} events/s, {speed.events_per_cpu_second:.0f} per second of processor time; "
        f"p50 {speed.p50_ms:.2f} ms, p90 {speed.p90_ms:.2f}, p99 {speed.p99_ms:.2f}",
    )
    table.add_row(
        "",
        "includes folding, planning, prequential query and list, statistics, messages, learning; excludes reading the "
        f"file, baselines, and non-personalised lists ({speed.defaults_per_event_ms:.2f} ms per event)",
    )
    return table


def _errors(errors: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in errors.items())
