"""`lifelong experiment`: the arm of each user, and results from a file, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from deploy.cli.evaluation import experiment
from deploy.cli.evaluation.experiment import NoExperiment
from inference.evaluation.off_policy.ranking_logs import write_lines
from inference.experiment import CONTROL, Arm, Experiment
from schemas.ids import UserId
from schemas.ranking_log import RankingLogEntry
from tests.unit.inference.test_arm_results import choice, outcome, ranked

SETTINGS = """
[experiment]
name = "spring"
[experiment.arms.bold]
share = 0.5
variant = "faster"
[experiment.arms.dim]
variant = "slower"
"""
PEOPLE = [f"u{number}" for number in range(400)]


def log() -> list[RankingLogEntry]:
    """Return a log in which users of `bold` click more, and weights of `dim` rank chosen items far down."""
    rng = np.random.default_rng(1)
    divided = Experiment("spring", Arm(name=CONTROL), [Arm(name="bold", share=0.5), Arm(name="dim")])
    entries: list[RankingLogEntry] = []
    for number in range(4_000):
        user = PEOPLE[rng.integers(len(PEOPLE))]
        arm = divided.arm_of(UserId(user))
        assert arm is not None
        keen = 0.6 if arm.name == "bold" else 0.3
        entries += [ranked(number, user, arm.name), outcome(number, *(("a",) if rng.random() < keen else ()))]
        ranks = {CONTROL: 2, "bold": int(rng.integers(1, 4)), "dim": int(rng.integers(8, 11))}
        entries.append(choice(number, user, arm.name, rank=ranks[arm.name], ranks=ranks))
    return entries


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lifelong.toml").write_text(SETTINGS)
    return tmp_path


def run(*words: str) -> Any:
    app = typer.Typer()
    experiment.register(app)
    done = CliRunner().invoke(app, ["experiment", *words], env={"COLUMNS": "160"}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_assign_shows_the_arm_that_makes_a_users_lists(folder: Path) -> None:
    output = json.loads(run("assign", *PEOPLE[:30], "--json"))
    divided = Experiment("spring", Arm(name=CONTROL), [Arm(name="bold", share=0.5), Arm(name="dim")])
    assert output == {"experiment": "spring", "arms": {u: divided.arm_of(UserId(u)).name for u in PEOPLE[:30]}}  # type: ignore[union-attr]
    assert run("assign", "u1").split() == ["u1", output["arms"]["u1"]]


def test_without_an_experiment_assign_fails(folder: Path) -> None:
    (folder / "lifelong.toml").unlink()
    with pytest.raises(NoExperiment, match="no experiment is set"):
        run("assign", "u1")


def test_results_from_a_file_say_which_differences_are_significant(folder: Path) -> None:
    write_lines(folder / "log.jsonl", log())
    results = json.loads(run("results", "log.jsonl", "--json"))
    assert {arm["arm"]: arm["role"] for arm in results["arms"]} == {
        "control": "control",
        "bold": "arm",
        "dim": "shadow",
    }
    clicks = results["between"][0]
    assert clicks["name"] == "clicks per list seen"
    assert clicks["differences"]["bold"]["low"] > 0.2
    gain = results["paired"][0]
    assert gain["differences"]["dim"]["high"] < 0.0
    assert results["sample_ratio"]["p"] > 0.01
    assert results["notes"] == []
    output = run("results", "log.jsonl")
    assert "MISMATCH" not in output
    assert {"more", "less"} <= {line.split()[-1] for line in output.splitlines() if line.strip()}
    assert "dim (shadow)" in output


def test_results_warn_of_a_sample_ratio_mismatch(folder: Path) -> None:
    lost = [entry for entry in log() if getattr(entry, "arm", "") != "bold" or int(entry.user_id[1:]) % 2]
    write_lines(folder / "log.jsonl", lost)
    results = json.loads(run("results", "log.jsonl", "--against", "nobody", "--json"))
    assert results["sample_ratio"]["p"] < 0.001
    assert "no arm 'nobody'" in results["notes"][0]
    assert "sample-ratio mismatch" in results["notes"][1]


def test_an_experiment_without_entries_is_refused(folder: Path) -> None:
    write_lines(folder / "log.jsonl", log()[:9])
    with pytest.raises(NoExperiment, match="no entries of experiment 'autumn': its last one is 'spring'"):
        run("results", "log.jsonl", "--name", "autumn")


def test_exported_choices_are_small_and_only_those_of_experiments(tmp_path: Path) -> None:
    marked = choice(1, "ann", CONTROL, ranks={CONTROL: 1})
    plain = choice(2, "ann", CONTROL, experiment=None)
    assert write_lines(tmp_path / "log.jsonl", [marked, plain]) == 1
    assert json.loads((tmp_path / "log.jsonl").read_text())["places"] == {CONTROL: 1}
