"""Each way in which files differ, as a table: the content of the file, and what is read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.files.errors import Refused, UnreadableFile
from deploy.files.events import EventFileOptions, Reading, read
from deploy.files.fields.columns import parse_items_map, parse_map
from deploy.files.fields.event_types import types_of
from deploy.files.items import ItemFileOptions, read_catalogue
from deploy.files.tables.rows import ColumnLayout, layout_of
from schemas.interactions import Interaction
from schemas.items import Item

NOW = 1_795_842_000.0
HEAD = "user_id,item_id,timestamp\n"
AT = 1_433_221_332


def opened(path: Path, options: str = "", **more: object) -> Reading:
    return read(path, EventFileOptions(columns=parse_map(options), **more), now=NOW)  # type: ignore[arg-type]


def read_file(path: Path, options: str = "", **more: object) -> tuple[list[Interaction], Refused]:
    refused = Refused()
    return [event for _, event in opened(path, options, **more).events(refused)], refused


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def times(folder: Path, *cells: str, dates: str = "") -> list[float]:
    rows = "".join(f'u,i{index},"{cell}"\n' for index, cell in enumerate(cells))
    reading = opened(written(folder, "t.csv", HEAD + rows), dates=dates)
    return [float(seconds) for seconds in reading.times.seconds]


@pytest.mark.parametrize(
    "cell",
    [
        "1433221332",
        "1433221332.0",
        "1.433221332E9",
        "1433221332000",
        "1433221332000000",
        "1433221332000000000",
        "2015-06-02T05:02:12Z",
        "2015-06-02T05:02:12.000Z",
        "2015-06-02 05:02:12",
        "2015-06-02 05:02:12 UTC",
        "2015-06-02 05:02:12.000000 UTC",
        "2015-06-02T07:02:12+02:00",
        "2015-06-02T07:02:12+0200",
        "2015-06-02 07:02:12 +02",
        "2015-06-02T07:02:12+02:00[Europe/Berlin]",
        "20150602T050212Z",
        "20150602050212",
        "2015/06/02 05:02:12",
        "2 June 2015 05:02:12",
        "Jun 2, 2015, 5:02:12 AM",
        "02/Jun/2015:05:02:12 +0000",
        "Tue Jun 02 05:02:12 +0000 2015",
        "Tue, 02 Jun 2015 05:02:12 GMT",
    ],
)
def test_a_time_is_read_in_every_usual_form_independently_of_other_rows(tmp_path: Path, cell: str) -> None:
    assert times(tmp_path, str(AT), cell, "2015-06-02T05:02:12.5Z") == [AT, AT, AT + 0.5]


@pytest.mark.parametrize(
    ("cell", "day"), [("20150602", "05:02:12"), ("201506020502", "00:00:12"), ("2015060205", "00:02:12")]
)
def test_digits_of_a_date_are_a_date(tmp_path: Path, cell: str, day: str) -> None:
    hours, minutes, seconds = map(int, day.split(":"))
    assert times(tmp_path, cell) == [AT - hours * 3600 - minutes * 60 - seconds]


@pytest.mark.parametrize("cell", ["never", "2015-13-02", "2015-06-02T05:02:12 EST", "99/99/2015", "True", "[1]"])
def test_invalid_times_are_refused(tmp_path: Path, cell: str) -> None:
    events, refused = read_file(written(tmp_path, "t.csv", f'{HEAD}u,i,"{cell}"\nu,i,{AT}\n'))
    assert len(events) == 1
    assert refused.by_reason["no time in 'timestamp'"].rows == [2]


def test_the_order_of_day_and_month_is_that_of_the_whole_column(tmp_path: Path) -> None:
    december = [1_291_161_600.0, 1_291_248_000.0, 1_292_198_400.0]
    assert times(tmp_path, "01/12/2010", "02/12/2010", "13/12/2010") == december
    assert times(tmp_path, "12/01/2010", "12.02.2010", "12-13-10") == december
    assert times(tmp_path, "01/12/2010", dates="day-first") == december[:1]
    assert times(tmp_path, "12/01/2010", "13/01/2010", dates="month-first")[0] == december[0]
    assert times(tmp_path, "10/10/2010") == [1_286_668_800.0]


@pytest.mark.parametrize("cells", [("01/12/2010", "02/12/2010"), ("13/12/2010", "12/13/2010"), ("01/02/03",)])
def test_an_ambiguous_order_of_day_and_month_is_refused(tmp_path: Path, cells: tuple[str, ...]) -> None:
    with pytest.raises(UnreadableFile, match="--dates day-first or --dates month-first"):
        times(tmp_path, *cells)


SEPARATED = [
    ("e.csv", "user_id;item_id;timestamp\nu1;i,1;1433221332\nu2;i,2;1433221332\n", {}),
    ("e.csv", "user_id|item_id|timestamp\nu1|i,1|1433221332\nu2|i,2|1433221332\n", {}),
    ("e.txt", "user_id\titem_id\ttimestamp\nu1\ti,1\t1433221332\nu2\ti,2\t1433221332\n", {}),
    ("e.CSV", 'user_id, item_id, timestamp\nu1, "i,1", 1433221332\nu2, "i,2", 1433221332\n', {}),
    ("e.csv", '"user_id","item_id","timestamp"\r\n"u1","i,1","1433221332"\r\n"u2","i,2","1433221332"\r\n', {}),
    ("e.csv", 'user_id,item_id,timestamp\ru1,"i,1",1433221332\ru2,"i,2",1433221332\r', {}),
    ("e.csv", 'user_id,item_id,timestamp,\nu1,"i,1",1433221332,\nu2,"i,2",1433221332,\n', {}),
    ("e.csv", '\n\nuser_id,item_id,timestamp\n\nu1,"i,1",1433221332\n\nu2,"i,2",1433221332', {}),
    ("e.inter", "user_id:token\titem_id:token\ttimestamp:float\nu1\ti,1\t1433221332\nu2\ti,2\t1433221332\n", {}),
    ("e.dat", "u1::i,1::1433221332\nu2::i,2::1433221332\n", {"layout": ColumnLayout(("user", "item", "time"))}),
    ("e.dat", "u1 i,1 1433221332\nu2 i,2 1433221332\n", {"layout": layout_of("user,item,time", "space")}),
    ("e.csv", "user_id^item_id^timestamp\nu1^i,1^1433221332\nu2^i,2^1433221332\n", {"layout": layout_of("", "^")}),
    (
        "e",
        '{"user_id":"u1","item_id":"i,1","timestamp":1433221332}\n{"user_id":"u2","item_id":"i,2","timestamp":1433221332}',
        {},
    ),
]


@pytest.mark.parametrize(("name", "text", "more"), SEPARATED)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_separators_headers_line_ends_and_encodings(
    tmp_path: Path, name: str, text: str, more: dict[str, object], encoding: str
) -> None:
    events, refused = read_file(written(tmp_path, name, text.encode(encoding)), **more)
    assert [(event.user_id, event.item_id) for event in events] == [("u1", "i,1"), ("u2", "i,2")]  # type: ignore[union-attr]
    assert refused.total == 0


def test_ambiguous_separators_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="--separator"):
        read_file(written(tmp_path, "e.csv", "user_id;item|timestamp\nu;i|1\n"))


def test_a_malformed_row_loses_only_itself_and_has_the_number_that_an_editor_shows(tmp_path: Path) -> None:
    text = f'{HEAD}u1,"two\nlines",{AT}\nu2,i2\nu3,i3,{AT},x\nu4,"i4,{AT}\n"u5"x,i5,{AT}\n,i6,{AT}\nu7,i7,{AT}\n'
    events, refused = read_file(written(tmp_path, "e.csv", text))
    assert [event.user_id for event in events] == ["u4", '"u5"x', "u7"]
    assert {refusal.reason: refusal.rows for refusal in refused.most_common()} == {
        "the row has 2 cells, not 3": [4],
        "the row has 4 cells, not 3": [5],
        "no user": [8],
        "invalid: Expected `str` of printable characters, not only blanks, neither '.' nor '..' - at `$.item_id`": [2],
    }
    lines = f'{{"user_id":"u","item_id":"i","timestamp":{AT}}}\n\n{{"user\n[1]\n3\n{{"user_id":{{}},"item_id":"i"}}\n'
    events, refused = read_file(written(tmp_path, "e.jsonl", lines))
    assert (len(events), refused_rows(refused)) == (1, [3, 4, 5, 6])
    document = json.dumps([{"user_id": "u", "item_id": "i", "timestamp": AT}, 3, {"item_id": "i"}], indent=1)
    events, refused = read_file(written(tmp_path, "e.json", document))
    assert (len(events), refused_rows(refused)) == (1, [7, 8])


def refused_rows(refused: Refused) -> list[int]:
    return sorted(number for refusal in refused.most_common() for number in refusal.rows)


def test_quotes_are_ordinary_characters_in_tab_separated_files_and_where_unclosed(tmp_path: Path) -> None:
    tsv = HEAD.replace(",", "\t") + f'"u1\ti1\t{AT}\nu2\t12" i\t{AT}\nu3"\t"\t{AT}\n'
    assert [(e.user_id, e.item_id) for e in read_file(written(tmp_path, "e.tsv", tsv))[0]] == [  # type: ignore[union-attr]
        ('"u1', "i1"),
        ("u2", '12" i'),
        ('u3"', '"'),
    ]
    text = f'{HEAD}u1,"Heroes,{AT}\nu2,"Other,{AT}\nu3,i,{AT}\n'
    assert [e.item_id for e in read_file(written(tmp_path, "e.csv", text))[0]] == ['"Heroes', '"Other', "i"]  # type: ignore[union-attr]


def test_invalid_utf_8_loses_a_line_or_is_read_as_latin_1_with_a_note(tmp_path: Path) -> None:
    mixed = HEAD.encode() + f"ü,i,{AT}\nö,i,{AT}\n".encode() + b"\xfc,i,1433221332\n"
    events, refused = read_file(written(tmp_path, "e.csv", mixed))
    assert ([event.user_id for event in events], refused.by_reason["bytes that are not UTF-8"].rows) == (
        ["ü", "ö"],
        [4],
    )
    reading = opened(written(tmp_path, "e.csv", HEAD.encode() + b"\xfc,i,1433221332\n"))
    assert [event.user_id for _, event in reading.events(Refused())] == ["ü"]
    assert any("latin-1, assumed" in note for note in reading.table.rows.notes)


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("10254939386542155531000", "10254939386542155531000"),
        ("-7", "-7"),
        ('"007"', "007"),
        ("12.0", "12"),
        ("12.50", "12.50"),
        ("true", "true"),
        ("1.0254939386542156e22", None),
        ("null", None),
        ("NaN", None),
        ("[1]", None),
        ('{"a":{}}', None),
        ('"\\ud800"', None),
        ('""', None),
    ],
)
def test_ids_in_json_are_exact_or_refused(tmp_path: Path, cell: str, meant: str | None) -> None:
    row = f'{{"user_id":{cell},"item_id":"i","timestamp":{AT}}}'
    events, refused = read_file(written(tmp_path, "e.jsonl", row), "user=user_id")
    assert [event.user_id for event in events] == ([meant] if meant else [])
    assert refused.total == (0 if meant else 1)


def test_values_are_finite_numbers(tmp_path: Path) -> None:
    cells = ("1.7e308", "1e309", "nan", "inf", "much", "-1e13", "4,5", "1_0", "4.5", " 3 ")
    rows = "".join(f'u,i,{AT},"{cell}"\n' for cell in cells)
    events, refused = read_file(written(tmp_path, "e.csv", "user,item,time,rating\n" + rows))
    assert [event.value for event in events] == [4.5, 3.0]  # type: ignore[union-attr]
    assert refused.total == len(cells) - 2


def test_types_are_mapped_and_unknown_ones_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    path = written(tmp_path, "e.csv", f"user,item,time,type\nu,i,{AT},Looked At\nu,i,{AT},haggle\n")
    events, refused = read_file(path, types=types_of("looked_at=view"))
    assert [type(event).__name__ for event in events] == ["View"]
    [reason] = refused.reasons
    assert "'haggle' is unknown" in reason
    assert "add-to-cart, click, dislike" in reason
    assert [type(event).__name__ for event in read_file(path, types=types_of("purchase"))[0]] == [
        "Purchase",
        "Purchase",
    ]
    with pytest.raises(UnreadableFile, match=r"'haggle'.*add-to-cart"):
        types_of("x=haggle")


def test_nested_cells_are_addressed_by_path_and_list_elements_become_events(tmp_path: Path) -> None:
    row = {"user": {"id": "u"}, "got": [{"sku": "a"}, {"sku": "b"}], "at": AT, "ctx": {"device.kind": "tv"}}
    options = "user=user.id,item=got[].sku,time=at,device=ctx.device.kind"
    pq.write_table(pa.Table.from_pylist([{**row, "ctx": None}]), tmp_path / "e.parquet")
    for path in (written(tmp_path, "e.jsonl", json.dumps(row)), tmp_path / "e.parquet"):
        mapping = options if path.suffix == ".jsonl" else options.rpartition(",")[0]
        events, _ = read_file(path, mapping)
        assert [(event.user_id, event.item_id) for event in events] == [("u", "a"), ("u", "b")]  # type: ignore[union-attr]
    assert read_file(tmp_path / "e.jsonl", options)[0][0].context.device == "tv"
    assert [e.item_id for e in read_file(tmp_path / "e.jsonl", "item=got.1.sku,time=at")[0]] == ["b"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("e.csv", b"", "is empty"),
        ("e.csv", b"\n \n", "is empty"),
        ("e.jsonl", b"\n", "is empty"),
        ("e.json", b'{"a"', "neither JSON nor JSON lines"),
        ("e.json", b'{"a":[{"x":1}],"b":[{"x":1}]}', "could be any of"),
        ("e.csv", b"\x7fELF\x02\0\0\1", "is binary"),
        ("e.parquet", b"PAR1....PAR1", "damaged"),
        ("e.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3\xff", "damaged"),
        ("e.csv.zst", b"\x28\xb5\x2f\xfd\0\0", "damaged"),
        ("e.xlsx", b"not a workbook", "the ending is to be one of"),
        ("e.csv", b"1,2,3\n4,5,6\n", "--columns"),
        ("e.csv", b"a,b\n", "no column for"),
    ],
)
def test_unreadable_files_are_refused_with_a_message(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_file(written(tmp_path, name, content))


def test_a_folder_is_refused_with_a_message(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="is a folder"):
        read_file(tmp_path)


def catalogue(path: Path, options: str = "", **more: object) -> tuple[list[Item], Refused, Refused]:
    refused, left_out = Refused(), Refused()
    item_options = ItemFileOptions(columns=parse_items_map(options), **more)  # type: ignore[arg-type]
    return list(read_catalogue(path, item_options, now=NOW).items(refused, left_out)), refused, left_out


@pytest.mark.parametrize(
    ("cells", "meant"),
    [
        (["Action, Adventure", "Drama"], [("Action", "Adventure"), ("Drama",)]),
        (['["a","b"]', "['c', 'd']", "('e',)", "['f' 'g']", "[]"], [("a", "b"), ("c", "d"), ("e",), ("f", "g"), ()]),
        (["a|b", "a;c", "d"], [("a", "b"), ("a", "c"), ("d",)]),
        (["Food, Drink|Home", "Toys, Games"], [("Food, Drink", "Home"), ("Toys, Games",)]),
        (["Drama / Comedy", "AC/DC"], [("Drama", "Comedy"), ("AC/DC",)]),
        (["Home > Kitchen > Pots", "Home"], [("Home", "Kitchen", "Pots"), ("Home",)]),
        (["Home, Garden & Tools", "Books"], [("Home, Garden & Tools",), ("Books",)]),
        (["Arts &amp; Crafts|Home", "x"], [("Arts &amp; Crafts", "Home"), ("x",)]),
        (["NA", "", "a|a| "], [("NA",), (), ("a",)]),
        (["[{'id': 16, 'name': 'Animation'}, {'id': 18, 'name': 'Drama'}]"], [("Animation", "Drama")]),
    ],
)
def test_categories_are_split_as_the_whole_column_spells_them(
    tmp_path: Path, cells: list[str], meant: list[tuple[str, ...]]
) -> None:
    table = pa.table({"id": [str(n) for n in range(len(cells))], "title": cells, "genres": cells})
    pq.write_table(table, tmp_path / "i.parquet")
    items, refused, _ = catalogue(tmp_path / "i.parquet")
    assert ([item.categories for item in items], refused.total) == (meant, 0)
    assert [item.title for item in items] == cells


def test_a_catalogue_has_all_its_fields_by_map(tmp_path: Path) -> None:
    row = {
        "sku": 5,
        "n": 1984,
        "about": ["One.", "Two."],
        "kinds": [["Books", "Fiction"], ["Books"]],
        "kind": None,
        "t": "x;y",
        "cost": "$7.99",
        "pics": "https://x/1.jpg https://x/2.jpg",
        "from": "2020-01-01",
        "to": 1893456000000,
        "colour": "red",
        "size": 3,
        "more": {"new": True},
    }
    mapping = (
        "item=sku,title=n,text=about,categories=kinds,categories=kind,tags=t,price=cost,images=pics,"
        "available_from=from,available_until=to,attributes=colour,attributes.width=size,attributes=more.new"
    )
    [item], refused, left_out = catalogue(written(tmp_path, "i.jsonl", json.dumps(row)), mapping)
    assert item == Item(
        item_id="5",  # type: ignore[arg-type]
        title="1984",
        text="One.\nTwo.",
        categories=("Books", "Fiction"),
        tags=("x", "y"),
        price=7.99,
        images=("https://x/1.jpg", "https://x/2.jpg"),
        available_from=1577836800.0,
        available_until=1893456000.0,
        attributes={"colour": "red", "width": 3.0, "more.new": True},
    )
    assert (refused.total, left_out.total) == (0, 0)


def test_an_unusable_cell_is_left_out_and_counted_and_an_invalid_time_refuses_the_row(tmp_path: Path) -> None:
    text = "item_id,title,price,available_from\na,A,from 12.99,\nb,B,1,never\n,C,1,\n"
    items, refused, left_out = catalogue(written(tmp_path, "i.csv", text))
    assert [(item.item_id, item.price) for item in items] == [("a", None)]
    assert {refusal.reason: refusal.rows for refusal in refused.most_common()} == {
        "no time in 'available_from'": [3],
        "no item id": [4],
    }
    assert {refusal.reason: refusal.rows for refusal in left_out.most_common()} == {"no number in 'price'": [2]}


@pytest.mark.parametrize("name", ["product_id", "article_id", "movieId", "asin", "StockCode", "Item ID", "sku"])
def test_ids_are_found_under_the_same_names_in_events_and_catalogues(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "e.csv", f"user,{name},time\nu,007,{AT}\n")
    assert [event.item_id for event in read_file(path)[0]] == ["007"]  # type: ignore[union-attr]
    assert [item.item_id for item in catalogue(path)[0]] == ["007"]
