"""`lifelong backtest` from a file to its tables, its numbers and its predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app
from schemas.interactions import Rating
from tests.builders import START
from tests.unit.streams.backtest_logs import generated

ROWS = 220
BAD = ("nobody,war-1,never,3", f",war-1,{START + 5e5},3", f"u1,war-1,{START},much")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("replay")
    rows = [event for _, event in generated(ROWS).events if isinstance(event, Rating)]
    lines = [f"{e.user_id},{e.item_id},{e.event_time},{e.value}" for e in rows]
    (folder / "events.csv").write_text("\n".join(["who,what,when,stars", *lines[::-1], *BAD]) + "\n")
    names = sorted({event.item_id for event in rows})
    items = [f"{name},{name.title()},{name.split('-')[0]}" for name in names]
    (folder / "items.csv").write_text("\n".join(["item,title,genres", *items]) + "\n")
    return {name: folder / f"{name}.csv" for name in ("events", "items")} | {"folder": folder}


def replayed(files: dict[str, Path], name: str, *more: str) -> tuple[str, dict, Path]:  # type: ignore[type-arg]
    out, lists = files["folder"] / f"{name}.json", files["folder"] / f"{name}.parquet"
    options = ["--items", str(files["items"]), "--map", "user=who,item=what,time=when,value=stars"]
    written = ["--json", str(out), "--predictions", str(lists)]
    result = CliRunner().invoke(make_app(), ["backtest", str(files["events"]), *options, *written, *more])
    assert result.exit_code == 0, result.output
    return result.stdout, json.loads(out.read_text()), lists


@pytest.fixture(scope="module")
def once(files: dict[str, Path]) -> tuple[str, dict, Path]:  # type: ignore[type-arg]
    return replayed(files, "once")


def test_bad_rows_are_counted_by_reason_and_shown(once: tuple[str, dict, Path]) -> None:  # type: ignore[type-arg]
    text, numbers, _ = once
    assert sum(numbers["refused"].values()) == len(BAD)
    assert numbers["rows"] == numbers["events"] + len(BAD)
    assert text.count("refused") == len(numbers["refused"]) == 3


def test_every_system_is_evaluated_on_the_same_rows_after_the_warm_up(once: tuple[str, dict, Path]) -> None:  # type: ignore[type-arg]
    _, numbers, lists = once
    rows = pq.read_table(lists)
    assert {one["events"] for one in numbers["systems"].values()} == {len(rows)}
    assert min(rows["index"].to_pylist()) == int(numbers["rows"] * 0.2)
    hits = [item in ranked for item, ranked in zip(rows["item"].to_pylist(), rows["list"].to_pylist(), strict=True)]
    assert sum(hits) / len(hits) == pytest.approx(numbers["hr_request"])
    assert sum(map(sum, numbers["losses"]["counts"])) == len(rows)


def test_predictions_hold_ids_as_given_and_at_most_ten(once: tuple[str, dict, Path]) -> None:  # type: ignore[type-arg]
    rows = pq.read_table(once[2])
    assert [(field.name, field.type) for field in rows.schema] == [
        ("index", pa.int64()),
        ("user", pa.string()),
        ("item", pa.string()),
        ("list", pa.list_(pa.string())),
    ]
    assert all(0 < len(ranked) <= 10 == len({*ranked, *range(10 - len(ranked))}) for ranked in rows["list"].to_pylist())
    assert all(user.startswith("u") for user in rows["user"].to_pylist())


def test_the_same_seed_gives_the_same_bytes(files: dict[str, Path], once: tuple[str, dict, Path]) -> None:  # type: ignore[type-arg]
    _, numbers, lists = replayed(files, "again")
    assert lists.read_bytes() == once[2].read_bytes()
    assert {**numbers, "speed": 0} == {**once[1], "speed": 0}


def test_consumed_items_are_not_recommended_where_repeats_are_forbidden(files: dict[str, Path]) -> None:
    seen: dict[str, set[str]] = {}
    _, numbers, lists = replayed(files, "forbid", "--repeats", "forbid")
    for row in pq.read_table(lists).to_pylist():
        assert not seen.setdefault(row["user"], set()) & set(row["list"])
        seen[row["user"]].add(row["item"])
    held_back = numbers["losses"]["counts"][numbers["losses"]["fates"].index("held back")]
    assert sum(held_back) > 0


def test_baselines_are_in_the_numbers_and_change_no_others(
    files: dict[str, Path],
    once: tuple[str, dict, Path],  # type: ignore[type-arg]
) -> None:
    text, numbers, lists = replayed(files, "beside", "--baselines", "v-sknn")
    assert "V-SKNN" in text
    assert lists.read_bytes() == once[2].read_bytes()
    assert numbers["systems"]["V-SKNN"]["events"] == numbers["judged"]
    assert len(numbers["baselines"]["V-SKNN"]["trials"]) == 5


@pytest.mark.slow
def test_ablations_are_in_the_numbers(files: dict[str, Path]) -> None:
    text, numbers, _ = replayed(files, "parts", "--ablate", "features:near")
    added = numbers["additions"]["parts"]["features:near"]
    assert added["hit_rate"]["low"] <= added["hit_rate"]["mean"] <= added["hit_rate"]["high"]
    assert "What each part adds" in text


@pytest.mark.parametrize(
    ("option", "allowed"), [("--baselines", "floors, full, EASE"), ("--ablate", "all, source:popular")]
)
def test_unknown_names_are_refused_before_any_file_is_read(option: str, allowed: str) -> None:
    result = CliRunner().invoke(make_app(), ["backtest", "no-such-file.csv", option, "magic"])
    assert result.exit_code != 0
    assert f"'magic' is none of {allowed}" in str(result.exception)


def test_an_unreadable_file_is_refused_with_a_message(files: dict[str, Path]) -> None:
    result = CliRunner().invoke(make_app(), ["replay", str(files["events"]), "--map", "user=nobody"])
    assert result.exit_code != 0
    assert "nobody" in str(result.exception)
