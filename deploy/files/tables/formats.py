"""Chooses the reader of a file: by its first bytes where they identify it, else by its ending."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from deploy.files.errors import UnreadableFile, as_unreadable_file
from deploy.files.tables.json_rows import JsonRows
from deploy.files.tables.opening import Opened, open_file
from deploy.files.tables.parquet import MAGIC, ParquetRows
from deploy.files.tables.rows import ColumnLayout, TableRows
from deploy.files.tables.separated import RECBOLE, TABBED, SeparatedRows
from deploy.files.tables.text import text_of

PARQUET = frozenset({".parquet", ".pq"})
JSON = frozenset({".json", ".jsonl", ".ndjson", ".jl"})
SEPARATED = frozenset({".csv", ".dat", ".data"}) | TABBED | RECBOLE
OPEN_SUFFIXES = frozenset({"", ".txt", ".log"})
"""Endings without a format: JSON lines if the file begins with a brace or bracket, else cells with separators."""
PLAIN = ColumnLayout()
READABLE_FORMATS = ("csv", "tsv", "dat", "inter", "item", "user", "json", "jsonl", "ndjson", "parquet", "txt")


class Table(Struct, frozen=True):
    """A file's rows and format. `stem` is its name without endings."""

    path: Path
    stem: str
    kind: str
    rows: TableRows


def open_table(path: Path, layout: ColumnLayout = PLAIN) -> Table:
    """Open the rows of a file of any readable format, compressed or not.

    Raises:
        UnreadableFile: it does not exist, is damaged, or has another format.
    """
    opened = open_file(path)
    with as_unreadable_file(path):
        kind, rows = _rows(opened, layout)
    packed = f", {' in '.join(reversed(opened.layers))}" if opened.layers else ""
    return Table(path, opened.stem, kind + packed, rows)


def _rows(opened: Opened, layout: ColumnLayout) -> tuple[str, TableRows]:
    suffix = opened.suffix
    with opened.stream() as stream:
        head = stream.read(4096)
    if head.startswith(MAGIC) or suffix in PARQUET:
        return "Parquet", ParquetRows(opened)
    if suffix not in JSON | SEPARATED | OPEN_SUFFIXES and not _is_number(suffix):
        listed = ", ".join(READABLE_FORMATS)
        raise UnreadableFile(f"{str(opened.path)!r}: the ending is to be one of {listed}, also with .gz, .zst or .zip")
    text = text_of(opened)
    braced = suffix in OPEN_SUFFIXES and not layout.columns and _first(text.lines()) in ("{", "[")
    if suffix in JSON or braced:
        return "JSON", JsonRows(text)
    return "text", SeparatedRows(text, layout)


def _is_number(suffix: str) -> bool:
    """Return whether the ending is a number, as in part-00000.1."""
    return suffix[1:].isdecimal()


def _first(lines: Iterable[str]) -> str:
    """Return the first character that is not a blank."""
    return next((line.strip()[0] for line in lines if line.strip()), "")
