"""`lifelong evaluate control` from a file to its table."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from deploy.cli.app import make_app
from schemas.interactions import Rating
from tests.unit.streams.backtest_logs import generated


def test_statements_are_replayed_from_a_file_and_what_follows_is_printed(tmp_path: Path) -> None:
    log = generated(200)
    events, items, out = tmp_path / "events.csv", tmp_path / "items.csv", tmp_path / "out.json"
    lines = [f"{e.user_id},{e.item_id},{e.event_time},{e.value}" for _, e in log.events if isinstance(e, Rating)]
    events.write_text("\n".join(["user,item,time,value", *lines]) + "\n")
    rows = [f"{item.item_id},{item.title},{' '.join(item.categories)}" for item in log.items]
    items.write_text("\n".join(["item,title,categories", *rows]) + "\n")
    options = ["--items", str(items), "--jobs", "1", "--json", str(out)]
    result = CliRunner().invoke(make_app(), ["evaluate", "control", str(events), *options])
    refused, only, *others = json.loads(out.read_text())
    assert result.exit_code == (1 if "not held" in result.output else 0), result.output
    assert [one["name"] for one in (refused, only, *others)] == ["no …", "only …", "less …", "more …"]
    assert (refused["violations"], refused["kept"], only["violations"]) == (0, 0.0, 0)
    assert {*only["shares"]} <= {1.0, None}
