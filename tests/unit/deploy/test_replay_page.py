"""What a replay shows: one page that needs nothing else, and tables that fit a terminal."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from io import StringIO

import pytest
from msgspec.structs import replace
from rich.console import Console

from deploy.replay.board import board
from deploy.replay.page import page
from deploy.replay.plan import Plan
from deploy.replay.results import SYSTEMS, Results, results
from tests.unit.deploy.replay_logs import generated, played


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


def test_running_rates_end_with_the_whole(found: Results) -> None:
    assert {name: rates[-1] for name, rates in found.running.items()} == pytest.approx(
        {name: one.hit_rate for name, one in found.systems.items()}
    )


def test_parts_are_parts_of_the_whole(found: Results) -> None:
    for parts in (found.by_person, found.by_item, found.by_week):
        for name in SYSTEMS:
            hits = sum(part.measures[name].hit_rate * part.measures[name].events for part in parts)
            assert hits == pytest.approx(found.systems[name].hit_rate * found.judged)
