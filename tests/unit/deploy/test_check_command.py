"""`lifelong check` as text and as JSON; `send` names invalid lines; each failure has a message and an exit status."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import main, make_app
from deploy.cli.events import _checked, _lines
from deploy.importing import UnreadableFile, read_frame

TEXT = """userId,movieId,rating,timestamp,note
1,7,4,1433221332,x
,8,4,1433221333,y
2,9,much,1433221334,z
1,7,5,2015-06-02,
"""
ITEMS = "movieId,title,genres,extra\n7,Heat,Action|Crime,e\n8,,,\n,None,x,\n"


def run_check(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(make_app(), ["check", *arguments])
    assert result.exit_code == status, result.output
    return result.stdout


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "e.csv").write_text(TEXT)
    (tmp_path / "i.csv").write_text(ITEMS)
    return str(tmp_path / "e.csv"), str(tmp_path / "i.csv")


def test_the_json_report_has_what_was_read_and_refused(files: tuple[str, str]) -> None:
    report = json.loads(run_check(files[0], "--items", files[1], "--json"))
    assert {key: report[key] for key in ("events", "users", "items", "refused", "rows")} == {
        "events": 2,
        "users": 1,
        "items": 1,
        "refused": 2,
        "rows": 4,
    }
    assert (report["first"], report["last"]) == ("2015-06-02T00:00:00Z", "2015-06-02T05:02:12Z")
    assert report["columns"] == {
        "userId": "user",
        "movieId": "item",
        "rating": "value",
        "timestamp": "time",
        "note": None,
    }
    assert {refusal["reason"]: refusal["rows"] for refusal in report["reasons"]} == {
        "no user": [3],
        "no number in 'rating'": [4],
    }
    assert report["types"] == {"rating": 2}
    catalogue = report["catalogue"]
    assert (catalogue["items"], catalogue["refused"], catalogue["known"]) == (2, 1, 1)
    assert catalogue["columns"] == {"movieId": "item", "title": "title", "genres": "categories", "extra": None}


def test_the_text_report_fits_80_columns(files: tuple[str, str]) -> None:
    text = run_check(files[0], "--items", files[1])
    assert max(map(len, text.splitlines()[1:])) <= 80 + len(files[0])
    for words in (
        "line 3: userId=, movieId=8",
        "unused    note",
        "genres is separated by '|'",
        "it has 1 of the events' items",
    ):
        assert words in text


def test_a_catalogue_alone_has_the_same_keys(files: tuple[str, str]) -> None:
    report = json.loads(run_check("--items", files[1], "--map", "title=extra", "--json"))
    assert {"events", "users", "items", "refused", "first", "last", "columns"} <= set(report)
    assert (report["items"], report["columns"]["extra"], report["columns"]["title"]) == (2, "title", None)


def test_a_file_without_a_usable_row_is_a_failure(files: tuple[str, str]) -> None:
    assert "2 rows: " not in run_check(files[0], "--map", "time=note", status=1)
    assert json.loads(run_check(files[0], "--map", "time=note", "--json", status=1))["events"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.csv"], "is no file"),
        (["."], "is a folder"),
        ([], "name a file of events"),
        (["e.csv", "--dates", "backwards"], "day-first, month-first"),
        (["e.csv", "--types", "a=b"], "the types are add-to-cart"),
        (["e.csv", "--map", "who=userId"], "is one of"),
        (["e.csv", "--map", "user"], "pairs such as"),
        (["e.csv", "--items", "i.csv", "--items-map", "title=nothing"], "no column for"),
    ],
)
def test_failures_are_reported_without_a_traceback(
    files: tuple[str, str],
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(Path(files[0]).parent)
    monkeypatch.setattr(sys, "argv", ["lifelong", "check", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    output = capsys.readouterr()
    assert ended.value.code == 1
    assert words in " ".join(output.err.split())
    assert not output.out


def test_sending_names_invalid_lines_and_reads_the_others(tmp_path: Path) -> None:
    good = '{"type":"click","event_id":"s%d","user_id":"u","event_time":1433221332,"item_id":"i"}'
    text = "\ufeff" + "\n".join([good % 1, "", good.replace('"u"', "5") % 2, "{", good % 3]) + "\n"
    (tmp_path / "s.jsonl").write_text(text)
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("s.jsonl", "s.jsonl.gz"):
        records = list(_checked("interactions", _lines(tmp_path / name)))
        assert [number for number, record in records if isinstance(record, str)] == [3, 4]
        assert [number for number, record in records if not isinstance(record, str)] == [1, 5]
    with pytest.raises(UnreadableFile, match="is no file"):
        list(_lines(tmp_path / "nothing"))


def test_a_data_frame_has_the_cells_as_written(files: tuple[str, str]) -> None:
    frame = read_frame(Path(files[0]))
    assert frame["userId"].tolist()[0] == "1"
    assert list(frame.columns) == ["userId", "movieId", "rating", "timestamp", "note"]
