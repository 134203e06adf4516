"""`lifelong check` for people and for programs; `send` names wrong lines; each failure is words and an exit status."""

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


def told(*given: str, status: int = 0) -> str:
    found = CliRunner().invoke(make_app(), ["check", *given])
    assert found.exit_code == status, found.output
    return found.stdout


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "e.csv").write_text(TEXT)
    (tmp_path / "i.csv").write_text(ITEMS)
    return str(tmp_path / "e.csv"), str(tmp_path / "i.csv")


def test_programs_get_what_was_read_and_refused(files: tuple[str, str]) -> None:
    found = json.loads(told(files[0], "--items", files[1], "--json"))
    assert {key: found[key] for key in ("events", "users", "items", "refused", "rows")} == {
        "events": 2,
        "users": 1,
        "items": 1,
        "refused": 2,
        "rows": 4,
    }
    assert (found["first"], found["last"]) == ("2015-06-02T00:00:00Z", "2015-06-02T05:02:12Z")
    assert found["columns"] == {
        "userId": "user",
        "movieId": "item",
        "rating": "value",
        "timestamp": "time",
        "note": None,
    }
    assert {one["reason"]: one["rows"] for one in found["reasons"]} == {"no user": [3], "no number in 'rating'": [4]}
    assert found["types"] == {"rating": 2}
    catalogue = found["catalogue"]
    assert (catalogue["items"], catalogue["refused"], catalogue["known"]) == (2, 1, 1)
    assert catalogue["columns"] == {"movieId": "item", "title": "title", "genres": "categories", "extra": None}


def test_people_get_it_within_80_columns(files: tuple[str, str]) -> None:
    text = told(files[0], "--items", files[1])
    assert max(map(len, text.splitlines()[1:])) <= 80 + len(files[0])
    for words in (
        "line 3: userId=, movieId=8",
        "unused    note",
        "genres is parted by '|'",
        "it knows 1 of the events' items",
    ):
        assert words in text


def test_a_catalogue_alone_has_the_same_keys(files: tuple[str, str]) -> None:
    found = json.loads(told("--items", files[1], "--map", "title=extra", "--json"))
    assert {"events", "users", "items", "refused", "first", "last", "columns"} <= set(found)
    assert (found["items"], found["columns"]["extra"], found["columns"]["title"]) == (2, "title", None)


def test_nothing_that_can_be_used_is_an_exit_status(files: tuple[str, str]) -> None:
    assert "2 rows: " not in told(files[0], "--map", "time=note", status=1)
    assert json.loads(told(files[0], "--map", "time=note", "--json", status=1))["events"] == 0


@pytest.mark.parametrize(
    ("given", "words"),
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
def test_what_goes_wrong_is_said_without_a_traceback(
    files: tuple[str, str],
    given: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(Path(files[0]).parent)
    monkeypatch.setattr(sys, "argv", ["lifelong", "check", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert words in " ".join(said.err.split())
    assert not said.out


def test_sending_names_wrong_lines_and_keeps_the_others(tmp_path: Path) -> None:
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


def test_a_table_for_analysts_has_the_cells_as_they_are_written(files: tuple[str, str]) -> None:
    frame = read_frame(Path(files[0]))
    assert frame["userId"].tolist()[0] == "1"
    assert list(frame.columns) == ["userId", "movieId", "rating", "timestamp", "note"]
