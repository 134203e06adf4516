"""What a replay prints."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table

from inference.evaluation.baselines.evaluator import BASELINES
from inference.evaluation.intervals.interval import Interval
from streams.backtest.ablations import by_worth, noise
from streams.backtest.baseline_runner import tuning_rows
from streams.backtest.results import OURS, TOPIC, BacktestResults, Part

BRIEF = dict(zip((OURS, TOPIC, *BASELINES), (OURS, "topic", "popularity", "decayed", "kNN", "kNN + pop"), strict=True))


def console_report(found: BacktestResults) -> RenderableType:
    """All tables, for a terminal."""
    parts: list[RenderableType] = [
        _head(found),
        "",
        _systems(found),
        _differences(found),
        *_tuning(found),
        *_additions(found),
        _parts("HR@10 by past events of the person", found.by_person),
        _parts("HR@10 by past events of the item", found.by_item),
        _parts("HR@10 by week", found.by_week),
        _miss_analysis(found),
        _baskets(found),
        _rest(found),
    ]
    return Group(*parts)


def _titled(title: str, table: RenderableType) -> RenderableType:
    """A table below its title, which takes no room from the columns."""
    return Group(f"[bold]{title}[/]", table, "")


def _table(*columns: str) -> Table:
    table = Table("", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _head(found: BacktestResults) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    share = f"the first {found.plan.warm_up:.0%} of the rows are only learned from"
    table.add_row("[bold]replayed[/]", f"{found.events} events of {found.data}, {found.choices} of them choices")
    table.add_row("[bold]judged[/]", f"{found.evaluated} choices of {found.people} people; {share}")
    for reason, count in {**found.refused, **found.unused}.items():
        table.add_row("[yellow]refused[/]", f"{count} rows: {reason}")
    return table


def _systems(found: BacktestResults) -> RenderableType:
    names = ("HR@10", "NDCG@10", "MRR", "new people", "coverage", "novelty")
    table = _table(*names)
    for name, one in found.systems.items():
        shown, new = found.shown[name], found.new_people[name]
        values = (one.hit_rate, one.gain, one.reciprocal_rank, new.hit_rate, shown.coverage)
        table.add_row(name, *(f"{value:.4f}" for value in values), f"{shown.novelty:.2f}")
    return _titled("Test, then train: new people is HR@10 of first choices, novelty in bits", table)


def _differences(found: BacktestResults) -> RenderableType:
    table = _table("HR@10", "NDCG@10")
    for name, intervals in found.differences.items():
        table.add_row(f"less {name}", *(_interval(intervals[measure]) for measure in ("hit_rate", "gain")))
    return _titled(f"{OURS} less each of the others, with 95 % intervals over people", table)


def _interval(one: Interval) -> str:
    return f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"


def _tuning(found: BacktestResults) -> list[RenderableType]:
    """Each baseline's budget: what every trial came to; nothing where there are no baselines."""
    if not found.baselines:
        return []
    table = _table("setting", "HR@10", "")
    for name, tuning in found.baselines.items():
        for row in tuning_rows(name, tuning):
            table.add_row(*row)
    return [_titled("How the baselines were tuned: all trials, on what came before judging", table)]


def _additions(found: BacktestResults) -> list[RenderableType]:
    """What each part adds, the most first; nothing where none was left out."""
    if found.additions is None:
        return []
    table = _table("HR@10", "NDCG@10", "ms")
    for name, one in by_worth(found.additions):
        table.add_row(name, _short(one.hit_rate), _short(one.gain), f"{one.ms_per_event:+.2f}")
    title = "What each part adds, with 95 % intervals; ms of processor time an event"
    return [_titled(title, Group(table, noise(found.additions)))]


def _short(one: Interval) -> str:
    return _interval(one).replace("0.", ".")


def _parts(title: str, parts: tuple[Part, ...]) -> RenderableType:
    table = _table("choices", *BRIEF.values())
    for part in parts:
        each = part.measures
        table.add_row(part.name, str(each[OURS].events), *(f"{each[name].hit_rate:.3f}" for name in BRIEF))
    return _titled(title, table)


def _miss_analysis(found: BacktestResults) -> RenderableType:
    held = found.miss_analysis
    table = _table(*held.groups, "all", "share")
    for fate, counts in zip(held.fates, held.counts, strict=True):
        total = sum(counts)
        table.add_row(fate, *map(str, counts), str(total), f"{total / max(1, found.evaluated):.1%}")
    return _titled("What became of choices, by past events of the person", table)


def _baskets(found: BacktestResults) -> RenderableType:
    held = found.next_basket
    kind = "as named by the events" if held.named else "sittings, by gaps of half an hour"
    table = _table(f"all {held.baskets}", f"{held.later_baskets} not the first")
    for name, value in held.recall.items():
        table.add_row(name, f"{value:.4f}", f"{held.later_recall[name]:.4f}")
    return _titled(f"Next-basket recall@10: {kind}", table)


def _rest(found: BacktestResults) -> RenderableType:
    table, speed = Table.grid(padding=(0, 2)), found.speed
    kinds = {"own": "the person's own", "default": "that for people never seen", "none": "none unexpired"}
    served = (f"{kinds[kind]} {one.share:.0%} (HR {one.hit_rate:.3f})" for kind, one in found.topic.items())
    table.add_row("[bold]topic held[/]", "; ".join(served))
    table.add_row("[bold]calibration error[/]", _errors({k: v.error for k, v in found.calibration.items()}))
    table.add_row(
        "[bold]speed[/]",
        f"{speed.events_per_second:.0f} events/s, {speed.events_per_cpu_second:.0f} per second of processor time; "
        f"p50 {speed.p50_ms:.2f} ms, p90 {speed.p90_ms:.2f}, p99 {speed.p99_ms:.2f}",
    )
    table.add_row(
        "",
        "with folding, planning, exam and list, statistics, messages, learning; without reading the file, the floors, "
        f"and lists for people never seen ({speed.defaults_per_event_ms:.2f} ms an event)",
    )
    return table


def _errors(errors: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in errors.items())
