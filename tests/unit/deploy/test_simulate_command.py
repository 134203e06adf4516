"""`lifelong simulate` without a log: users, catalogue and tastes are made up, and everything says so."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from deploy.cli.app import make_app

LIVES = ["simulate", "--users", "2", "--days", "1.5"]


def test_made_up_users_live_and_the_json_says_that_they_are_simulated() -> None:
    result = CliRunner().invoke(make_app(), [*LIVES, "--json"])
    assert result.exit_code == 0, result.output
    results = json.loads(result.stdout)
    assert (results["simulated"], results["fitted"], results["fidelity"]) == (True, False, None)
    assert (results["users"], results["lists"] > 0) == (2, True)


def test_the_table_says_that_it_is_simulated() -> None:
    result = CliRunner().invoke(make_app(), LIVES)
    assert result.exit_code == 0, result.output
    assert "SIMULATED: 2 users for 1.5 days; made up" in result.output
