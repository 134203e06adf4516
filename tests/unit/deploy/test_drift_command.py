"""`lifelong evaluate drift` from a folder to its table and its JSON."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from deploy.cli.app import make_app
from tests.unit.agents.made_up_study import write_study


def test_a_study_is_played_and_its_shares_are_printed(tmp_path: Path) -> None:
    result = CliRunner().invoke(make_app(), ["evaluate", "drift", str(write_study(tmp_path)), "--seeds", "0,1"])
    assert result.exit_code == 0, result.output
    for memory in ("Lifelong", "accumulate-only", "newest-wins", "decay"):
        assert result.output.count(memory) == 2


def test_the_json_has_the_shares_of_the_memory_by_phase(tmp_path: Path) -> None:
    options = ["--seeds", "3", "--noise", "0.1", "--json"]
    result = CliRunner().invoke(make_app(), ["evaluate", "drift", str(write_study(tmp_path)), *options])
    assert result.exit_code == 0, result.output
    shares = json.loads(result.stdout)
    assert (shares["seeds"], shares["noise"]) == ([3], 0.1)
    for name in ("phase_1", "phase_2", "phase_3", "phase_4", "first_round_after_drift"):
        assert 0.0 <= shares[name] <= 1.0
        assert all(name in one["shares"] for one in shares["results"])


def test_a_folder_without_the_study_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(make_app(), ["evaluate", "drift", str(tmp_path)])
    assert result.exit_code != 0
    result = CliRunner().invoke(make_app(), ["evaluate", "drift", str(write_study(tmp_path)), "--seeds", "one"])
    assert result.exit_code == 2
