"""`lifelong evaluate interactive` from files to its table, its JSON and its transcripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app

FILMS = [
    {"id": "a", "title": "Alpha", "genres": ["Comedy"], "runtime": 90, "streaming_services": ["Blue"]},
    {"id": "b", "title": "Beta", "genres": ["Comedy"], "runtime": 150, "streaming_services": ["Blue"]},
    {"id": "c", "title": "Gamma", "genres": ["Horror"], "runtime": 100, "streaming_services": ["Red"]},
]
TASK = {
    "id": "t",
    "constraints": [
        {"constraint": {"field": "genres", "op": "contains", "value": "Comedy"}, "reveal": "volunteer"},
        {"constraint": {"field": "runtime", "op": "<=", "value": 120}, "reveal": "hidden"},
    ],
    "user_services": ["Blue"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog.json").write_text(json.dumps(FILMS))
    (tmp_path / "tasks.json").write_text(json.dumps([TASK]))
    return tmp_path


def run(folder: Path, *options: str) -> tuple[int, str]:
    arguments = ["evaluate", "interactive", *options, "--catalog", str(folder / "catalog.json")]
    result = CliRunner().invoke(make_app(), arguments)
    return result.exit_code, result.stdout


def test_the_json_has_the_means_and_both_kinds_of_rejection(folder: Path) -> None:
    code, output = run(folder, str(folder / "tasks.json"), "--json", "--seeds", "0,1")
    result = json.loads(output)
    assert code == 0
    assert (result["success"], result["constraint"], result["policy"]) == (1.0, 1.0, 1.0)
    assert result["turns"] <= 8
    assert result["named"]["conversations"] == result["bare"]["conversations"] == 2
    assert result["rejections"] == "bare"


def test_the_table_shows_both_and_transcripts_are_written(folder: Path) -> None:
    code, output = run(folder, str(folder / "tasks.json"), "--transcripts", str(folder / "talk.jsonl"))
    assert code == 0
    assert "named" in output
    assert "bare" in output
    lines = (folder / "talk.jsonl").read_text().splitlines()
    assert len(lines) == 10
    assert {"author", "text", "stated"} <= set(json.loads(lines[0])["transcript"][0])


def test_random_tasks_need_no_file(folder: Path) -> None:
    code, output = run(folder, "--generated", "5", "--seeds", "0", "--json")
    assert code == 0
    assert json.loads(output)["conversations"] == 5


@pytest.mark.parametrize(
    "options", [[], ["--generated", "2", "--rejections", "rude"], ["--generated", "2", "--seeds", "x"]]
)
def test_options_that_make_no_sense_are_refused(folder: Path, options: list[str]) -> None:
    assert run(folder, *options)[0] == 2


def test_a_broken_file_is_named(folder: Path) -> None:
    (folder / "tasks.json").write_text("{")
    assert run(folder, str(folder / "tasks.json"))[0] != 0
