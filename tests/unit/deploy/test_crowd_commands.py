"""`lifelong evaluate attack` from a file to its table, and the decisions of `lifelong quarantine`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app
from deploy.cli.quarantine import decisions, in_quarantine
from schemas.codec import encode
from schemas.errors import DecodeError
from schemas.interactions import Rating
from schemas.topics import QUARANTINES
from streams.log.records import Inbound
from tests.builders import START
from tests.unit.streams.backtest_logs import generated


def record(offset: int, value: bytes | None) -> Inbound:
    return Inbound(topic=QUARANTINES, partition=0, offset=offset, key=b"u", value=value, timestamp=START)


def test_an_attack_is_replayed_from_a_file_and_its_exposure_printed(tmp_path: Path) -> None:
    rows = [event for _, event in generated(200).events if isinstance(event, Rating)]
    events, out = tmp_path / "events.csv", tmp_path / "out.json"
    lines = [f"{e.user_id},{e.item_id},{e.event_time},{e.value}" for e in rows]
    events.write_text("\n".join(["user,item,time,value", *lines]) + "\n")
    options = ["--only", "first clicks", "--begin", "0.8", "--jobs", "1", "--json", str(out)]
    result = CliRunner().invoke(make_app(), ["evaluate", "attack", str(events), *options])
    [attack] = json.loads(out.read_text())
    assert result.exit_code == (0 if "held" in result.output else 1), result.output
    assert "first clicks" in result.output
    assert (attack["accounts"], attack["events"], attack["target"]) == (2, 2, "made-up-item")
    assert set(attack["days"][0]["added"]) == {"Lifelong", "strangers", "popularity", "decayed popularity"}


def test_an_attack_that_is_not_in_the_table_is_refused(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("user,item,time\n")
    result = CliRunner().invoke(make_app(), ["evaluate", "attack", str(events), "--only", "nuke"])
    assert result.exit_code == 2
    assert "nuke" in result.output


def test_the_newest_decision_about_an_account_holds() -> None:
    added = decisions(["zoe", "ann", "ann"], reason="a crowd", lifted=False, now=START)
    lifted = decisions(["zoe"], reason="", lifted=True, now=START + 60)
    records = [record(n, encode(one)) for n, one in enumerate((*added, *lifted))]
    held = in_quarantine([*records, record(9, b"no JSON"), record(10, None)], now=START + 60)
    assert [(one.user_id, one.reason) for one in held] == [("ann", "a crowd")]


@pytest.mark.parametrize("user", ["", "@default", "a\x00b"])
def test_no_decision_is_made_about_what_is_no_user(user: str) -> None:
    with pytest.raises(DecodeError):
        decisions([user], reason="", lifted=False, now=START)
