"""Reports of how files were read: the field of each column, and the refused rows by reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec
import numpy as np
from msgspec import Struct

from deploy.files.errors import Refusal, Refused
from deploy.files.events import Reading
from deploy.files.items import Catalogue
from deploy.files.tables.rows import Cell
from schemas.interactions import Interaction

NO_ID = frozenset({"na", "n/a", "nan", "null", "none", "undefined", "(not set)", "unknown"})
"""Ids that are read as ids, but may mean a missing one."""
_CUT = re.compile(r"\d(?:\.\d+)?E\+\d+")
_SAMPLE = 1_000


class CatalogueReport(Struct, kw_only=True):
    """How a catalogue was read. `left_out` counts unusable cells of items that are used."""

    file: str
    kind: str
    notes: list[str]
    rows: int
    items: int
    refused: int
    reasons: list[Refusal]
    left_out: list[Refusal]
    columns: dict[str, str | None]
    contents: dict[str, str]
    categories: dict[str, str]
    known: int | None = None


class FileReport(Struct, kw_only=True):
    """How a file of events was read.

    `columns` names the field of each column, or none; `contents` the kind of its cells; `first` and `last` are in UTC.
    """

    file: str
    kind: str
    notes: list[str]
    unit: str
    rows: int
    events: int
    users: int
    items: int
    refused: int
    reasons: list[Refusal]
    first: str | None
    last: str | None
    columns: dict[str, str | None]
    contents: dict[str, str]
    types: dict[str, int]
    times: dict[str, int]
    doubts: list[str]
    catalogue: CatalogueReport | None = None


class FileCounts:
    """Statistics of events, counted while they are read."""

    def __init__(self) -> None:
        self.refused = Refused()
        self.users: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.first = self.last = 0.0
        self.days_alone = True

    @property
    def events(self) -> int:
        """Return the number of events."""
        return self.types.total()

    def of(self, reading: Reading) -> Iterator[tuple[int, Interaction]]:
        """Yield the events of a file, and count them."""
        for index, event in reading.events(self.refused):
            if not self.types:
                self.first = event.event_time
            self.last = event.event_time
            self.types[str(event.__struct_config__.tag)] += 1
            self.users[event.user_id] += 1
            if (item := getattr(event, "item_id", None)) is not None:
                self.items[item] += 1
            self.days_alone = self.days_alone and event.event_time % 86_400 == 0
            yield index, event


def report_of(reading: Reading, counts: FileCounts) -> FileReport:
    """Return the report of a file of events, all of which have been counted."""
    used = {column: field for field, column in reading.columns.items()}
    return FileReport(
        file=str(reading.table.path),
        kind=reading.table.kind,
        notes=list(reading.table.rows.notes),
        unit=reading.table.rows.unit,
        rows=reading.rows,
        events=counts.events,
        users=len(counts.users),
        items=len(counts.items),
        refused=counts.refused.total,
        reasons=counts.refused.most_common(),
        first=moment(counts.first) if counts.events else None,
        last=moment(counts.last) if counts.events else None,
        columns={name: used.get(name) for name in dict.fromkeys([*reading.table.rows.names, *used])},
        contents={column: contents(reading.cells[field]) for field, column in reading.columns.items()},
        types=dict(counts.types.most_common()),
        times=dict(reading.times.forms.most_common()),
        doubts=list(_doubts(reading, counts)),
    )


def catalogue_report(catalogue: Catalogue, counts: FileCounts | None, item_counts: CatalogueCounts) -> CatalogueReport:
    """Return the report of a catalogue, with the number of the events' items that it has."""
    used: dict[str, list[str]] = {}
    for field, columns in catalogue.columns.items():
        for column in columns:
            used.setdefault(column, []).append(field)
    names = dict.fromkeys([*catalogue.table.rows.names, *used])
    return CatalogueReport(
        file=str(catalogue.table.path),
        kind=catalogue.table.kind,
        notes=list(catalogue.table.rows.notes),
        rows=catalogue.rows,
        items=len(item_counts.ids),
        refused=item_counts.refused.total,
        reasons=item_counts.refused.most_common(),
        left_out=item_counts.left_out.most_common(),
        columns={name: ", ".join(used[name]) if name in used else None for name in names},
        contents={column: contents(catalogue.cells[column]) for column in used},
        categories={column: spelling.separators for column, spelling in catalogue.spellings.items()},
        known=None if counts is None else sum(item in item_counts.ids for item in counts.items),
    )


class CatalogueCounts(Struct):
    """Statistics of a catalogue: item ids, refused rows, cells left out."""

    ids: set[str] = msgspec.field(default_factory=set)
    refused: Refused = msgspec.field(default_factory=Refused)
    left_out: Refused = msgspec.field(default_factory=Refused)


def moment(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC, with a fraction only where there is one.

    >>> moment(1396867869.277), moment(0)
    ('2014-04-07T10:51:09.277Z', '1970-01-01T00:00:00Z')
    """
    at = np.datetime64(round(seconds * 1e6), "us")
    whole, _, fraction = str(np.datetime_as_string(at)).partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def contents(cells: Sequence[Cell]) -> str:
    """Return the kind of a column's cells, judged by the first of them.

    >>> contents(["1", None, "2"]), contents(["a"]), contents([None])
    ('whole numbers', 'text', 'nothing')
    """
    kinds = {_content(cell) for cell in cells[:_SAMPLE] if cell is not None}
    if kinds == {"whole numbers", "numbers"}:
        return "numbers"
    return " and ".join(sorted(kinds)) or "nothing"


def _content(cell: Cell) -> str:
    if isinstance(cell, str):
        if cell.strip().lstrip("+-").isdecimal():
            return "whole numbers"
        return "numbers" if re.fullmatch(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?", cell.strip()) else "text"
    for kind, name in _KINDS:
        if isinstance(cell, kind):
            return name
    return "other values"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "yes or no"),
    (int, "whole numbers"),
    ((float, Decimal), "numbers"),
    ((datetime, date), "dates"),
    ((list, tuple), "lists"),
    (dict, "objects"),
    (bytes, "bytes"),
)


def _doubts(reading: Reading, counts: FileCounts) -> Iterator[str]:
    """Yield warnings of values that may mean something else than they are read as."""
    for name, ids in (("user", counts.users), ("item", counts.items)):
        column = reading.columns.get(name, "")  # type: ignore[call-overload]
        for suspect in [text for text in ids if text.strip().lower() in NO_ID][:3]:
            yield f"the {name} {suspect!r} is read as an id; its rows (here {ids[suspect]:,}) may mean none"
        if any(map(_CUT.fullmatch, ids)):
            yield f"ids in {column!r} look like 1.23E+15: a spreadsheet has cut them"
        listed = sum(text.startswith("[") or "|" in text or "," in text for text in ids)
        if ids and listed > 0.5 * len(ids):
            yield f"ids in {column!r} look like lists: an event is about one item"
    if counts.events > 1 and counts.days_alone:
        yield "times are only days: within a day the order is that of the file"
    if reading.times.order:
        yield f"days and months are read {reading.times.order}"
