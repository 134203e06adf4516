"""`lifelong evaluate cold-start` from files to its table and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from deploy.cli.app import make_app
from schemas.interactions import Rating
from tests.unit.streams.backtest_logs import generated


def written(folder: Path, size: int, *, pictures: bool = False) -> list[str]:
    log = generated(size)
    rows = [f"{e.user_id},{e.item_id},{e.event_time},{e.value}" for _, e in log.events if isinstance(e, Rating)]
    (folder / "events.csv").write_text("\n".join(["user,item,time,value", *rows]) + "\n")
    names = sorted({e.item_id for _, e in log.events if isinstance(e, Rating)})
    lines = [f"{name},{'' if pictures else name.title()},file://{folder / name}.png" for name in names]
    (folder / "items.csv").write_text("\n".join(["item,title,image", *lines]) + "\n")
    for number, name in enumerate(names if pictures else ()):
        Image.new("RGB", (16, 16), (20 * number % 256, 90, 90)).save(folder / f"{name}.png")
    return ["evaluate", "cold-start", str(folder / "events.csv"), "--items", str(folder / "items.csv"), "--jobs", "1"]


def ran(command: list[str]) -> Any:
    result = CliRunner().invoke(make_app(), command)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.lengthy
def test_words_are_compared_with_no_content_and_with_their_placebo(tmp_path: Path) -> None:
    results = json.loads(ran([*written(tmp_path, 40), "--early", "24", "--json"]))
    assert (results["early_hours"], results["items_with_words"]) == (24.0, results["items"])
    assert {*results["left_out"]} == {"pictures", "both"}
    cold = results["groups"][0]
    assert [*cold["arms"]] == ["no content", "words", "shuffled content", "without the map"]
    for one in cold["differences"]:
        difference = cold["arms"][one["of"]]["hit_rate"] - cold["arms"][one["less"]]["hit_rate"]
        assert one["hit_rate"]["mean"] == pytest.approx(difference)
    for one in results["multiples"]:
        twice = cold["arms"][one["arm"]]["hit_rate"] - 2.0 * cold["arms"]["no content"]["hit_rate"]
        assert one["less_twice"]["mean"] == pytest.approx(twice)


@pytest.mark.lengthy
def test_pictures_are_perceived_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFELONG_PERCEPTION__FILE_ROOTS", json.dumps([str(tmp_path)]))
    monkeypatch.setenv("LIFELONG_PERCEPTION__TEXT_ENCODER", "hashed-words")
    monkeypatch.setenv("LIFELONG_PERCEPTION__IMAGE_ENCODER", "colour-layout")
    shown = ran([*written(tmp_path, 40, pictures=True), "--perceive"])
    assert "have words, " in shown
    assert "left out words" in shown
    assert "left out pictures" not in shown


def test_a_log_without_content_is_refused(tmp_path: Path) -> None:
    command = written(tmp_path, 60)
    result = CliRunner().invoke(make_app(), command[:3])
    assert result.exit_code == 1
    assert "name a catalogue with --items" in str(result.exception)
