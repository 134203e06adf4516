"""`lifelong evaluate planning` from a file to its JSON."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from deploy.cli.app import make_app
from schemas.interactions import Rating
from tests.unit.streams.backtest_logs import generated

AGAINST = ["none", "static", "random", "swapped", "never planned"]


def test_a_file_is_replayed_with_other_plans_and_what_they_gain_is_printed(tmp_path: Path) -> None:
    log = generated(90)
    events, items = tmp_path / "events.csv", tmp_path / "items.csv"
    lines = [f"{e.user_id},{e.item_id},{e.event_time},{e.value}" for _, e in log.events if isinstance(e, Rating)]
    events.write_text("\n".join(["user,item,time,value", *lines]) + "\n")
    rows = [f"{item.item_id},{item.title},{' '.join(item.categories)}" for item in log.items]
    items.write_text("\n".join(["item,title,categories", *rows]) + "\n")
    command = ["evaluate", "planning", str(events), "--items", str(items), "--jobs", "1"]
    result = CliRunner().invoke(make_app(), [*command, "--json"])
    assert result.exit_code == 0, result.output
    results = json.loads(result.stdout)
    everything = results["groups"][0]
    assert (everything["name"], [gain["against"] for gain in everything["gains"]]) == ("all", AGAINST)
    assert 0 < everything["choices"] <= results["choices"]
    assert sum(results["replannings"].values()) == everything["replannings"]
