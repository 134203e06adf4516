"""The report of the bench: matching, seconds, recovery, spread and comparison, on runs made by hand."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from deploy.bench.collect import Arrival
from deploy.bench.compare import compare, interval, read_report
from deploy.bench.errors import CannotMeasure
from deploy.bench.measure.machine import Machine
from deploy.bench.measure.traffic import TopicTraffic
from deploy.bench.measure.usage import ProcessUsage, of_stack
from deploy.bench.plan import BenchPlan, Burst
from deploy.bench.profile.stacks import profile_of
from deploy.bench.report.figures import BenchReport, CatalogueFigures, RunReport
from deploy.bench.report.matching import make_answers
from deploy.bench.report.series import RECOVERED_SECONDS, SecondOfRun, recovered_seconds
from deploy.bench.report.summary import figures_of, spreads
from deploy.bench.report.tables import show, show_comparison

BEGAN = 1_000.0
PLAN = BenchPlan(rate=10, seconds=12, burst=Burst(10, 3), users=4, items=4)
"""Ten events a second for twelve seconds; the burst, of the same rate, is from second 3 to second 6."""


def due(event: int) -> float:
    return BEGAN + event / 10


def answered(event: int, after_ms: float, *, degraded: bool = False) -> Arrival:
    at = due(event) + after_ms / 1e3
    inner = ("ingested", "received", "folded", "ranked", "published")
    stages = {name: due(event) + step * after_ms / 6e3 for step, name in enumerate(inner, start=1)}
    return Arrival(at, (f"e{event}",), stages, ("ranked-locally",) if degraded else ())


def latency(event: int, factor: float) -> float:
    """20 ms, and during the burst and the second after it 400 ms."""
    return factor * (400.0 if 30 <= event < 70 else 20.0)


def report(factor: float = 1.0, *, seeds: tuple[int, ...] = (0,), plan: BenchPlan = PLAN) -> BenchReport:
    intended = {f"e{event}": due(event) for event in range(120)}
    arrivals = [answered(event, latency(event, factor)) for event in range(120)]
    answers = make_answers(plan, intended, arrivals, began=BEGAN)
    worker = ProcessUsage(cores=0.2, cpu_ms_per_event=2.0 * factor, rest_memory_mb=90.0, memory_mb=100.0)
    run = RunReport(
        seed=0,
        answers=answers,
        catalogue=CatalogueFigures(
            items=4, read_seconds=1.0, projected_seconds=2.0, worker_kb_per_item=8.0, ready_seconds=None
        ),
        stack=of_stack({"worker": worker, "bench": worker}),
        processes={"worker": worker},
        topics={
            "items": TopicTraffic(messages=60, messages_per_event=0.5, bytes_per_event=5.0, bytes_per_message=10.0)
        },
        machine=Machine(processor="p", cores=2, memory_mb=1, steal_cores=0.0, busy_cores=1.0, other_cores=0.1),
        profiles={"worker": profile_of(["main (a.py:1);run (streams/b.py:7) 3"])},
    )
    return BenchReport(plan=replace(plan, seeds=seeds), runs=tuple(replace(run, seed=seed) for seed in seeds))


def test_an_event_is_timed_from_when_it_was_due_to_its_first_list() -> None:
    plan, intended = BenchPlan(rate=10, seconds=1), {"e0": due(0), "e1": due(1), "e2": due(2)}
    both = Arrival(due(1) + 0.05, ("e0", "e1", "another"), {}, ("ranked-locally",))
    again = Arrival(due(1) + 0.5, ("e1",), {})
    foreign = Arrival(due(0), ("another",), {}, ("ranked-locally",))
    answers = make_answers(plan, intended, [both, again, foreign], began=BEGAN)
    assert (answers.sent, answers.lists, answers.lost, answers.duplicates) == (3, 2, 1, 1)
    assert (answers.p50_ms, answers.max_ms, answers.coalescing) == (100.0, 150.0, 1.0)
    assert (answers.degraded, answers.degraded_share, answers.degradations) == (1, 0.5, {"ranked-locally": 1})


def test_a_run_without_any_list_has_no_latency() -> None:
    answers = make_answers(BenchPlan(), {"e0": due(0)}, [], began=BEGAN)
    assert (answers.lost, answers.p50_ms, answers.stages, answers.series[0].p99_ms) == (1, None, {}, None)


def test_seconds_are_those_in_which_events_were_due() -> None:
    seconds = report().runs[0].answers.series
    assert [second.sent for second in seconds] == [10] * 12
    assert [second.p50_ms for second in seconds] == [20.0] * 3 + [400.0] * 4 + [20.0] * 5


def test_recovery_counts_from_the_end_of_the_burst() -> None:
    found = report().runs[0].answers.recovery
    assert found is not None
    assert (found.begin_seconds, found.end_seconds, found.lost) == (3.0, 6.0, 0)
    assert found.p99_ms == pytest.approx(400.0)
    assert found.recovered_seconds == 1.0, "second 6 is slow, those from 7 on are not"
    assert found.caught_up_seconds == pytest.approx(0.3), "what was due at 5.9 s is answered at 6.3 s"


def second(number: int, *, p99: float = 20.0, lost: int = 0) -> SecondOfRun:
    return SecondOfRun(second=number, sent=10, lost=lost, p50_ms=10.0, p99_ms=p99)


def test_a_single_calm_second_is_no_recovery() -> None:
    seconds = [second(0), second(1), second(2, p99=500.0), second(3), second(4), second(5)]
    assert recovered_seconds(seconds, 0.0) == 3.0
    assert recovered_seconds(seconds[: 2 + RECOVERED_SECONDS], 0.0) is None


def test_a_second_with_a_lost_event_is_not_calm() -> None:
    assert recovered_seconds([second(0, lost=1), second(1), second(2), second(3)], 0.0) == 1.0


def test_a_lost_event_means_that_the_backlog_never_went() -> None:
    intended = {f"e{event}": due(event) for event in range(120)}
    arrivals = [answered(event, 20.0) for event in range(120) if event != 40]
    found = make_answers(PLAN, intended, arrivals, began=BEGAN).recovery
    assert found is not None
    assert (found.lost, found.caught_up_seconds) == (1, None)


def test_stages_add_up_to_the_latency() -> None:
    stages = report().runs[0].answers.stages
    assert sum(each.p50_ms or 0.0 for each in stages.values()) == pytest.approx(20.0, abs=0.1)


def test_the_stack_is_everything_but_the_bench() -> None:
    assert report().runs[0].stack.cpu_ms_per_event == 2.0


def test_the_summary_has_the_spread_over_runs() -> None:
    fast, slow = report().runs[0], report(2.0).runs[0]
    found = spreads([fast, slow])["event to list, p50, ms"]
    assert (found.mean, found.least, found.most) == (30.0, 20.0, 40.0)
    assert "worker ready, s" not in figures_of(fast), "it was not measured"


def test_a_comparison_pairs_runs_and_seconds() -> None:
    found = compare(report(2.0, seeds=(1, 2)), report(seeds=(1, 2)))
    ratios = {figure.name: figure.ratio for figure in found.figures}
    assert ratios["event to list, p50, ms"] == 0.5
    assert ratios["worker, CPU ms per event"] == 0.5
    assert ratios["worker, kB per item"] == 1.0
    assert ratios["lost, events"] is None, "there is no ratio to nothing"
    assert [(each.name, each.seconds, each.ratio, each.low, each.high) for each in found.seconds] == [
        ("p50_ms", 24, 0.5, 0.5, 0.5),
        ("p99_ms", 24, 0.5, 0.5, 0.5),
    ]


def test_an_interval_covers_the_true_ratio_of_noisy_seconds() -> None:
    rng = np.random.default_rng(1)
    low, high = interval(np.log(0.8) + rng.normal(0.0, 0.2, 60), rng)
    assert low < 0.8 < high < 1.0


def test_runs_of_other_settings_are_refused_with_what_differs() -> None:
    other = report(plan=replace(PLAN, rate=20, users_skew="uniform"))
    with pytest.raises(CannotMeasure, match=r"rate 10.* before, 20.* now; users_skew 'zipf' before, 'uniform' now"):
        compare(report(), other)


def test_another_machine_is_named_and_not_refused() -> None:
    now = report()
    other = replace(now.runs[0], machine=replace(now.runs[0].machine, cores=8))
    found = compare(now, replace(now, runs=(other,)))
    assert found.machines == ("cores 2 before, 8 now",)


def test_a_report_is_read_back_from_its_json(tmp_path: Path) -> None:
    file, made = tmp_path / "run.json", report(seeds=(1, 2))
    file.write_bytes(msgspec.json.encode(made))
    assert read_report(file) == made


@pytest.mark.parametrize("content", [b"", b"{}", b'{"p50_ms": 3.0}', b"\xff"])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "run.json"
    file.write_bytes(content)
    with pytest.raises(CannotMeasure, match="is not a report"):
        read_report(file)


def test_the_tables_show_every_part() -> None:
    console = Console(file=StringIO(), width=140)
    console.print(show(report(seeds=(1, 2))))
    console.print(show_comparison(compare(report(), report())))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    titles = ("seed 1", "where the time goes", "recovery", "catalogue", "processor and memory", "written to Kafka")
    assert [title for title in (*titles, "machine: 2 cores", "worker: 3 samples", "2 runs") if title not in text] == []
    assert "now to before" in text
