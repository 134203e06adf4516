"""The same events are read from every format; arbitrary bytes give a message, never a traceback."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.files.errors import Refused, UnreadableFile
from deploy.files.events import EventFileOptions, read
from deploy.files.items import ItemFileOptions, read_catalogue
from schemas.bounds import NOT_RESERVED
from schemas.interactions import Interaction, Rating
from tests.builders import START

NOW = START + 1e6
Event = tuple[str, str, float, float]
COLUMNS = ("user", "item", "time", "rating")
WORDS = (
    "NA",
    "null",
    "None",
    "nan",
    "007",
    "1e5",
    "12.0",
    "10254939386542155531000",
    "a,b",
    '"q',
    'q" r',
    "'",
    "[x]",
    "ö",
)
letters = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs", "Cf"))
texts = st.text(letters, min_size=1, max_size=12).filter(lambda text: re.match(NOT_RESERVED, text) is not None)
ids = st.sampled_from(WORDS) | texts
events = st.tuples(ids, ids, st.integers(0, 900_000).map(lambda n: START + n), st.integers(-8, 8).map(lambda n: n / 2))
tables = st.lists(events, min_size=1, max_size=8)


def separated(mark: str) -> Callable[[Sequence[Event]], bytes]:
    def write(rows: Sequence[Event]) -> bytes:
        out = io.StringIO()
        if mark == "\t":
            out.writelines("\t".join(map(str, row)) + "\n" for row in [COLUMNS, *rows])
        else:
            csv.writer(out, delimiter=mark).writerows([COLUMNS, *rows])
        return out.getvalue().encode()

    return write


def objects(rows: Sequence[Event]) -> list[dict[str, object]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def parquet(rows: Sequence[Event]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(objects(rows)), out)
    return out.getvalue()


def binary_parquet(rows: Sequence[Event]) -> bytes:
    table = pa.Table.from_pylist(objects(rows))
    out = io.BytesIO()
    pq.write_table(table.set_column(0, "user", table["user"].cast(pa.binary()).dictionary_encode()), out)
    return out.getvalue()


FORMATS: dict[str, Callable[[Sequence[Event]], bytes]] = {
    "e.csv": separated(","),
    "e.CSV": separated(";"),
    "e.tsv": separated("\t"),
    "e.jsonl": lambda rows: "\n".join(json.dumps(row) for row in objects(rows)).encode(),
    "e.json": lambda rows: json.dumps(objects(rows), indent=1, ensure_ascii=False).encode(),
    "o.json": lambda rows: json.dumps({"n": 1, "data": {"events": objects(rows)}}).encode(),
    "e.parquet": parquet,
    "b.parquet": binary_parquet,
}


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/e.dat", data)
    return out.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": lambda data: bytes(pa.compress(data, "zstd", asbytes=True)),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32")


def read_back(data: bytes, name: str) -> tuple[list[Interaction], Refused, int]:
    refused = Refused()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        reading = read(path, EventFileOptions(), now=NOW)
        events = [event for _, event in reading.events(refused)]
    return events, refused, reading.rows


def rows_of(events: Sequence[Interaction]) -> list[Event]:
    return [(e.user_id, e.item_id, e.event_time, e.value) for e in events if isinstance(e, Rating)]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40)
@given(rows=tables, packed=st.sampled_from(list(COMPRESSIONS)), encoding=st.sampled_from(ENCODINGS))
def test_the_same_events_come_back(name: str, rows: list[Event], packed: str, encoding: str) -> None:
    data = FORMATS[name](rows)
    if not name.endswith("parquet"):
        data = data.decode().encode(encoding)
    events, refused, count = read_back(COMPRESSIONS[packed](data), name + packed)
    assert rows_of(events) == sorted(rows, key=lambda row: row[2])
    assert (refused.total, count) == (0, len(rows))


@settings(max_examples=20)
@given(rows=tables)
def test_a_zip_is_its_one_file(rows: list[Event]) -> None:
    events, _, _ = read_back(zipped(FORMATS["e.csv"](rows)), "any.zip")
    assert rows_of(events) == sorted(rows, key=lambda row: row[2])


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.uint64(), pa.int32(), pa.decimal128(38, 0), pa.float64(), pa.float32()]
)
@settings(max_examples=25)
@given(number=st.integers(0, 2**63 - 1))
def test_whole_numbers_are_the_ids_that_were_meant_or_refused(kind: pa.DataType, number: int) -> None:
    if kind == pa.int32():
        number %= 2**31
    out = io.BytesIO()
    users = pa.array([number, None]).cast(kind, safe=False)
    pq.write_table(pa.table({"user": users, "item": ["a", "b"], "time": [START, START], "rating": [1, 1]}), out)
    events, refused, _ = read_back(out.getvalue(), "n.parquet")
    assert [event.user_id for event in events] in ([str(number)], [])
    assert refused.total == 2 - len(events)
    exact = 2**24 if kind == pa.float32() else 2**53 if kind == pa.float64() else 2**64
    assert bool(events) == (number < exact)


def mutated(data: bytes, changes: Sequence[tuple[int, int, int]]) -> bytes:
    """Return the bytes with some inserted, deleted and changed."""
    changed = bytearray(data)
    for where, how, byte in changes:
        at = where % (len(changed) + 1)
        if how == 0:
            changed[at : at + 1] = bytes([byte])
        elif how == 1:
            changed[at:at] = bytes([byte])
        elif how == 2:
            del changed[at : at + byte]
        else:
            del changed[at:]
    return bytes(changed)


changes = st.lists(
    st.tuples(st.integers(0, 5_000), st.sampled_from([0, 0, 0, 1, 1, 2, 3]), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)
SAMPLE: list[Event] = [(f"ü{n}", f'i "{n}"', START + n, n / 2) for n in range(6)]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(how=changes, packed=st.sampled_from(list(COMPRESSIONS)), inside=st.booleans())
def test_no_bytes_raise_anything_but_our_own_error(
    name: str, packed: str, how: list[tuple[int, int, int]], inside: bool
) -> None:
    data, compress = FORMATS[name](SAMPLE), COMPRESSIONS[packed]
    damaged = compress(mutated(data, how)) if inside else mutated(compress(data), how)
    try:
        events, refused, rows = read_back(damaged, name + packed)
    except UnreadableFile:
        return
    assert len(events) + refused.total == rows


@settings(max_examples=150)
@given(
    data=st.binary(max_size=200),
    name=st.sampled_from(["x.csv", "x.json", "x.jsonl", "x.parquet", "x.dat", "x", "x.item"]),
)
def test_no_file_is_a_traceback(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        refused = Refused()
        try:
            catalogue = read_catalogue(path, ItemFileOptions(), now=NOW)
        except UnreadableFile:
            return
        items = list(catalogue.items(refused, Refused()))
        assert len(items) + refused.total == catalogue.rows
