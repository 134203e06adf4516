"""The demo's reports in the terminal: live, and at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from deploy.demo.watch import WATCHED_STAGES, ListWatch, paired
from inference.evaluation.metrics.prequential import RankingMetrics

Percentiles = dict[str, dict[str, float]]


class DemoSummary(Struct, frozen=True, rename={"evaluated": "judged"}):
    """Everything that the demo measured. Fields ending in `_ms` are milliseconds, `seconds` are seconds."""

    data: str
    events: int
    events_per_second: float
    lists: int
    lost: int
    dead_letters: int
    degraded_lists: int
    evaluated: int
    measures: dict[str, RankingMetrics]
    freshness_ms: Percentiles
    replans: dict[str, int]
    model_version: int
    seconds: float
    up_seconds: float


def freshness(stages: Sequence[Mapping[str, float]]) -> Percentiles:
    """Return percentiles by stage and in total, from the event's entry into the log to the list read from its topic."""
    percentiles: Percentiles = {}
    spans = [*pairwise(WATCHED_STAGES), (WATCHED_STAGES[0], WATCHED_STAGES[-1])]
    for before, after in spans:
        times = [max(0.0, at[after] - at[before]) * 1e3 for at in stages if before in at and after in at]
        quantiles = {f"p{share}": round(float(np.percentile(times, share)), 1) for share in (50, 99)} if times else {}
        percentiles[f"{before} → {after}"] = quantiles
    return percentiles


def live(
    watch: ListWatch,
    baselines: Mapping[str, dict[str, int | None]],
    titles: Mapping[str, str],
    *,
    played: int,
    total: int,
    per_second: float,
    seen: Sequence[str],
) -> RenderableType:
    """Return the live report as of now."""
    times = freshness(list(watch.stages))
    head = Table.grid(padding=(0, 3))
    spans = times.get(f"{WATCHED_STAGES[0]} → {WATCHED_STAGES[-1]}") or {"p50": 0.0, "p99": 0.0}
    head.add_row(
        f"[bold]{played}[/]/{total} events",
        f"{per_second:.0f} events/s",
        f"{watch.lists} lists",
        f"event → list p50 [bold]{spans['p50']:.0f} ms[/], p99 [bold]{spans['p99']:.0f} ms[/]",
        f"model version {watch.model_version}",
    )
    return Group(
        Panel(head, title="Lifelong", title_align="left"),
        _quality(watch, baselines),
        _stages(times),
        f"re-plans: {_counted(replans(watch.plans))}",
        _followed_user(watch, titles, seen),
    )


def _quality(watch: ListWatch, baselines: Mapping[str, dict[str, int | None]]) -> RenderableType:
    if not baselines:
        return "HR@10 at request time: the baselines are being evaluated …"
    measures = paired(dict(watch.ours), dict(baselines)).measures()
    return quality_table(measures)


def quality_table(measures: Mapping[str, RankingMetrics]) -> Table:
    """Return a table of HR@10, NDCG@10 and MRR on the same events."""
    table = Table("test, then train", "events", "HR@10", "NDCG@10", "MRR", box=None, header_style="bold")
    for name, metrics in measures.items():
        values = (f"{metrics.hit_rate:.3f}", f"{metrics.gain:.3f}", f"{metrics.reciprocal_rank:.3f}")
        table.add_row(name, str(metrics.events), *values)
    return table


def _stages(times: Percentiles) -> RenderableType:
    table = Table("stage", *(f"{name}" for name in times), box=None, header_style="dim")
    for share in ("p50", "p99"):
        table.add_row(f"{share} ms", *(f"{values.get(share, 0.0):.1f}" for values in times.values()))
    return table


def replans(plans: Counter[tuple[str, str]]) -> dict[str, int]:
    """Return how many plans were accepted, by trigger."""
    accepted: Counter[str] = Counter()
    for (trigger, decision), count in plans.items():
        if decision == "accepted":
            accepted[trigger] += count
    return dict(accepted.most_common())


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none yet"


def _followed_user(watch: ListWatch, titles: Mapping[str, str], seen: Sequence[str]) -> RenderableType:
    newest = watch.newest
    if newest is None:
        return Panel(f"user {watch.follow}: no event yet", title_align="left")
    table = Table("", "title", "from", "why", box=None)
    for rank, ranked in enumerate(newest.home.items[:6], 1):
        name = titles.get(ranked.item_id, ranked.item_id)
        table.add_row(str(rank), escape(name), ranked.source, escape(ranked.reason))
    last = " · ".join(escape(titles.get(item, item)) for item in seen[-3:])
    title = f"user {watch.follow}, list version {newest.version}: last chose {last}"
    return Panel(table, title=title, title_align="left")


def final_report(summary: DemoSummary) -> RenderableType:
    """Return the summary as tables."""
    table = Table.grid(padding=(0, 2))
    rows = {
        "played": f"{summary.events} events of {summary.data}, {summary.events_per_second:.0f} a second",
        "lists": f"{summary.lists} published, {summary.lost} events without one, {summary.degraded_lists} degraded",
        "re-plans": _counted(summary.replans),
        "model": f"version {summary.model_version} learned meanwhile",
        "dead letters": str(summary.dead_letters),
        "time": f"stack up in {summary.up_seconds:.0f} s, all in {summary.seconds:.0f} s",
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/]", value)
    return Group(table, "", quality_table(summary.measures), "", _stages(summary.freshness_ms))
