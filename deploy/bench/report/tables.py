"""Reports as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.bench.compare import RunComparison
from deploy.bench.measure.machine import Machine
from deploy.bench.measure.traffic import TopicTraffic
from deploy.bench.measure.usage import ProcessUsage
from deploy.bench.profile.stacks import ProcessProfile, Share
from deploy.bench.report.figures import Answers, BenchReport, CatalogueFigures, RunReport
from deploy.bench.report.series import RECOVERED_P99_MS, Recovery
from deploy.bench.report.summary import spreads


def show(report: BenchReport) -> RenderableType:
    """Return the tables of every run, and of several runs their summary."""
    runs: list[RenderableType] = [show_run(run) for run in report.runs]
    return Group(*runs, *([_summary(report)] if len(runs) > 1 else []))


def show_run(run: RunReport) -> RenderableType:
    """Return the tables of one run."""
    parts: list[RenderableType] = [Text(f"seed {run.seed}", style="bold"), *_answers(run.answers)]
    parts += [_recovery(run.answers.recovery)] if run.answers.recovery else []
    parts += [_catalogue(run.catalogue), _processes(run), _topics(run.topics), _machine(run.machine)]
    return Group(*parts, *(_profile(name, profile) for name, profile in run.profiles.items()))


def number(value: float | None, form: str = ".1f") -> str:
    """Return a number as text, a hyphen where there is none."""
    return "-" if value is None else format(value, form)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """Return a table whose first column is text and whose others are numbers."""
    made = Table(box=None, title=title or None, title_justify="left", pad_edge=False)
    for index, name in enumerate(columns):
        made.add_column(name, justify="right" if index else "left")
    for row in rows:
        made.add_row(*row)
    return made


def _answers(answers: Answers) -> Iterable[RenderableType]:
    columns = ("sent", "lists", "lost", "duplicates", "degraded", "p50 ms", "p90 ms", "p99 ms", "slowest ms")
    row = (
        *(str(answers.sent), str(answers.lists), str(answers.lost), str(answers.duplicates)),
        f"{answers.degraded_share:.1%}",
        *(number(value) for value in (answers.p50_ms, answers.p90_ms, answers.p99_ms, answers.max_ms)),
    )
    yield table("from the intended send to the list", columns, [row])
    yield Text(f"{answers.coalescing:.2f} events per list, {answers.events_per_second:.0f} events/s answered")
    if answers.degradations:
        yield Text(f"degraded lists: {', '.join(f'{name} {count}' for name, count in answers.degradations.items())}")
    yield table(
        "where the time goes",
        ("stage", "p50 ms", "p90 ms", "p99 ms"),
        ([name, number(t.p50_ms), number(t.p90_ms), number(t.p99_ms)] for name, t in answers.stages.items()),
    )


def _recovery(recovery: Recovery) -> RenderableType:
    row = (
        f"{recovery.kind}, {recovery.begin_seconds:.1f} to {recovery.end_seconds:.1f} s",
        *(number(recovery.p99_ms), str(recovery.lost)),
        *(number(recovery.caught_up_seconds), number(recovery.recovered_seconds)),
    )
    title = f"recovery, from its end: until caught up, and until p99 < {RECOVERED_P99_MS:g} ms"
    return table(title, ("disturbed", "p99 ms", "lost", "caught up s", "recovered s"), [row])


def _catalogue(catalogue: CatalogueFigures) -> RenderableType:
    columns = ("items", "worker read s", "projector read s", "worker kB/item", "worker ready s")
    values = (catalogue.read_seconds, catalogue.projected_seconds, catalogue.worker_kb_per_item)
    row = (str(catalogue.items), *map(number, values), number(catalogue.ready_seconds))
    return table("catalogue", columns, [row])


def _processes(run: RunReport) -> RenderableType:
    return table(
        "processor and memory",
        ("process", "cores", "CPU ms per event", "MiB at rest", "MiB after"),
        [*(_usage(name, usage) for name, usage in run.processes.items()), _usage("stack", run.stack)],
    )


def _usage(name: str, usage: ProcessUsage) -> tuple[str, ...]:
    memory = (f"{usage.rest_memory_mb:.0f}", f"{usage.memory_mb:.0f}")
    return (name, f"{usage.cores:.2f}", f"{usage.cpu_ms_per_event:.2f}", *memory)


def _topics(topics: Mapping[str, TopicTraffic]) -> RenderableType:
    rows = [
        (name, f"{each.messages_per_event:.2f}", f"{each.bytes_per_event:.0f}", f"{each.bytes_per_message:.0f}")
        for name, each in topics.items()
    ]
    messages = sum(each.messages_per_event for each in topics.values())
    size = sum(each.bytes_per_event for each in topics.values())
    columns = ("topic", "messages per event", "bytes per event", "bytes per message")
    return table("written to Kafka, uncompressed", columns, [*rows, ("all", f"{messages:.2f}", f"{size:.0f}", "")])


def _machine(machine: Machine) -> RenderableType:
    return Text(
        f"machine: {machine.cores} cores, {machine.processor}, {machine.memory_mb} MiB; busy {machine.busy_cores:.2f} "
        f"cores, other processes {machine.other_cores:.2f}, stolen {machine.steal_cores:.2f}"
    )


def _profile(name: str, profile: ProcessProfile) -> RenderableType:
    lists = (
        ("module of ours, with the libraries it calls", profile.modules),
        ("function, alone", profile.own),
        ("function of ours, with all that it calls", profile.cumulative),
    )
    title = f"{name}: {profile.samples} samples on the processor"
    return Group(Text(title, style="bold"), *(_shares(what, shares) for what, shares in lists))


def _shares(what: str, shares: tuple[Share, ...]) -> RenderableType:
    return table("", (what, "share"), ((each.name, f"{each.share:.1%}") for each in shares))


def _summary(report: BenchReport) -> RenderableType:
    rows = [
        (name, f"{spread.mean:g}", f"{spread.least:g}", f"{spread.most:g}")
        for name, spread in spreads(report.runs).items()
    ]
    return table(f"{len(report.runs)} runs", ("figure", "mean", "least", "most"), rows)


def show_comparison(comparison: RunComparison) -> RenderableType:
    """Return the ratios of two measurements as tables."""
    figures = table(
        "now to before",
        ("figure", "before", "now", "ratio"),
        ([f.name, f"{f.before:g}", f"{f.now:g}", number(f.ratio, ".2f")] for f in comparison.figures),
    )
    seconds = table(
        "latency of paired seconds, 95 % interval",
        ("latency", "seconds", "ratio", "low", "high"),
        ([s.name, str(s.seconds), f"{s.ratio:.2f}", f"{s.low:.2f}", f"{s.high:.2f}"] for s in comparison.seconds),
    )
    return Group(figures, seconds, *(Text(f"another machine: {each}") for each in comparison.machines))
