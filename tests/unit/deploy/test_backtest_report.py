"""The reports of a backtest: a self-contained HTML page, and tables that fit a terminal."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from io import StringIO

import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from deploy.reports.console import console_report
from deploy.reports.html import html_report
from deploy.settings import Settings
from deploy.wiring import make_system_config
from inference.evaluation.baselines.evaluator import BASELINES
from streams.backtest.ablations import AGAIN, WHOLE, Ablated
from streams.backtest.baseline_runner import run_baseline
from streams.backtest.baselines_process import BaselinesInProcess, RecordedRows
from streams.backtest.config import BacktestConfig
from streams.backtest.results import OURS, TOPIC, BacktestResults, Comparisons, backtest_results
from streams.backtest.run import backtest
from tests.unit.streams.backtest_logs import generated, played


@pytest.fixture(scope="module")
def results() -> BacktestResults:
    log, plan = generated(300), BacktestConfig(resamples=200)
    refused = replace(log, name="<b>events</b>.csv")
    return backtest_results(refused, plan, played(log, plan)[1])


def test_the_html_report_is_self_contained(results: BacktestResults) -> None:
    text = html_report(results)
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert "@import" not in text


def test_its_images_are_complete_and_its_names_are_text(results: BacktestResults) -> None:
    text = html_report(results)
    images = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(images) == 9
    for image in images:
        ET.fromstring(image)
    assert "&lt;b&gt;events" in text
    assert "<b>events" not in text


def test_the_same_results_give_the_same_html_report(results: BacktestResults) -> None:
    assert html_report(results) == html_report(results)


def test_the_html_and_the_console_report_show_the_same_numbers(results: BacktestResults) -> None:
    text = StringIO()
    Console(file=text, width=80).print(console_report(results))
    for name in (OURS, TOPIC, *BASELINES):
        rate = f"{results.systems[name].hit_rate:.4f}"
        assert rate in text.getvalue()
        assert rate in html_report(results)
    assert "…" not in text.getvalue()


def test_baselines_and_parts_are_shown_where_there_are_any(results: BacktestResults) -> None:
    wide = reports(results)
    assert not any("baselines were tuned" in text or "What each part adds" in text for text in wide)
    log, plan, baselines = generated(300), BacktestConfig(resamples=50), RecordedRows(BaselinesInProcess())
    played = backtest(log, make_system_config(Settings()), plan, baselines=baselines)
    baseline_runs = {"V-SKNN": run_baseline(baselines.rows, "V-SKNN", lambda step: None)}
    ranks = played.rows["rank"]
    ablated = {
        WHOLE: Ablated(ranks=ranks, ms_per_event=2.1),
        AGAIN: Ablated(ranks=ranks, ms_per_event=1.9),
        "source:popular-10-days": Ablated(ranks=np.zeros_like(ranks), ms_per_event=1.5),
    }
    more = backtest_results(log, plan, played, Comparisons(baseline_runs, ablated))
    for text in reports(more):
        assert text.count("chosen") >= 1
        assert all(f"{trial.hit_rate:.4f}" in text for trial in more.baselines["V-SKNN"].trials)
        assert "neighbours 100, sample 500, whole no" in text
        assert "source:popular-10-days" in text
        assert "+0.50" in text
        assert "2.10 and 1.90 ms" in text
        assert "…" not in text
    assert html_report(more).count("<svg") == 10


def reports(results: BacktestResults) -> tuple[str, str]:
    text = StringIO()
    Console(file=text, width=80).print(console_report(results))
    return html_report(results), text.getvalue()


def test_running_rates_end_with_the_whole(results: BacktestResults) -> None:
    assert {name: rates[-1] for name, rates in results.running.items()} == pytest.approx(
        {name: metrics.hit_rate for name, metrics in results.systems.items()}
    )


def test_parts_are_parts_of_the_whole(results: BacktestResults) -> None:
    for parts in (results.by_person, results.by_item, results.by_week):
        for name in (OURS, TOPIC, *BASELINES):
            hits = sum(part.measures[name].hit_rate * part.measures[name].events for part in parts)
            assert hits == pytest.approx(results.systems[name].hit_rate * results.evaluated)
