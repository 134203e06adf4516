"""What a replay shows: one page that needs nothing else, and tables that fit a terminal."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from io import StringIO

import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from deploy.reports.console import board
from deploy.reports.html import page
from deploy.settings import Settings
from deploy.wiring import make_system
from streams.backtest.ablations import AGAIN, WHOLE, Ablated
from streams.backtest.baseline_runner import judge
from streams.backtest.baselines_process import FloorsHere, KeptRows
from streams.backtest.config import Plan
from streams.backtest.results import SYSTEMS, Beside, Results, results
from streams.backtest.run import replay
from tests.unit.streams.backtest_logs import generated, played


@pytest.fixture(scope="module")
def found() -> Results:
    log, plan = generated(300), Plan(resamples=200)
    refused = replace(log, name="<b>events</b>.csv")
    return results(refused, plan, played(log, plan)[1])


def test_the_page_needs_nothing_else(found: Results) -> None:
    text = page(found)
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert "@import" not in text


def test_its_images_are_whole_and_its_names_are_text(found: Results) -> None:
    text = page(found)
    images = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(images) == 9
    for image in images:
        ET.fromstring(image)
    assert "&lt;b&gt;events" in text
    assert "<b>events" not in text


def test_the_same_results_give_the_same_page(found: Results) -> None:
    assert page(found) == page(found)


def test_the_page_and_the_board_say_the_same_numbers(found: Results) -> None:
    text = StringIO()
    Console(file=text, width=80).print(board(found))
    for name in SYSTEMS:
        rate = f"{found.systems[name].hit_rate:.4f}"
        assert rate in text.getvalue()
        assert rate in page(found)
    assert "…" not in text.getvalue()


def test_baselines_and_parts_are_shown_where_there_are_any(found: Results) -> None:
    wide = page_and_board(found)
    assert not any("baselines were tuned" in text or "What each part adds" in text for text in wide)
    log, plan, floors = generated(300), Plan(resamples=50), KeptRows(FloorsHere())
    played = replay(log, make_system(Settings()), plan, floors=floors)
    contenders = {"V-SKNN": judge(floors.rows, "V-SKNN", lambda step: None)}
    ranks = played.rows["rank"]
    ablated = {
        WHOLE: Ablated(ranks=ranks, ms_per_event=2.1),
        AGAIN: Ablated(ranks=ranks, ms_per_event=1.9),
        "source:popular-10-days": Ablated(ranks=np.zeros_like(ranks), ms_per_event=1.5),
    }
    more = results(log, plan, played, Beside(contenders, ablated))
    for text in page_and_board(more):
        assert text.count("chosen") >= 1
        assert all(f"{trial.hit_rate:.4f}" in text for trial in more.baselines["V-SKNN"].trials)
        assert "neighbours 100, sample 500, whole no" in text
        assert "source:popular-10-days" in text
        assert "+0.50" in text
        assert "2.10 and 1.90 ms" in text
        assert "…" not in text
    assert page(more).count("<svg") == 10


def page_and_board(found: Results) -> tuple[str, str]:
    text = StringIO()
    Console(file=text, width=80).print(board(found))
    return page(found), text.getvalue()


def test_running_rates_end_with_the_whole(found: Results) -> None:
    assert {name: rates[-1] for name, rates in found.running.items()} == pytest.approx(
        {name: one.hit_rate for name, one in found.systems.items()}
    )


def test_parts_are_parts_of_the_whole(found: Results) -> None:
    for parts in (found.by_person, found.by_item, found.by_week):
        for name in SYSTEMS:
            hits = sum(part.measures[name].hit_rate * part.measures[name].events for part in parts)
            assert hits == pytest.approx(found.systems[name].hit_rate * found.judged)
