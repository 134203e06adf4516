"""How files were read, for people and for programs: what each column is taken for, and what was refused where."""

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
"""Ids that are ids like others, but may have been meant as none."""
_CUT = re.compile(r"\d(?:\.\d+)?E\+\d+")
_SAMPLE = 1_000


class CatalogueReport(Struct, kw_only=True):
    """How a catalogue was read. `left_out` are cells that could not be used, of items that are."""

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
    """How a file of events was read. Without events, all of it is about the catalogue.

    `columns` names for each column what it is taken for, or nothing; `contents` what its cells are; `first` and `last`
    are in UTC.
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
    """What events come to, counted while they pass by."""

    def __init__(self) -> None:
        self.refused = Refused()
        self.users: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.first = self.last = 0.0
        self.days_alone = True

    @property
    def events(self) -> int:
        """How many passed."""
        return self.types.total()

    def of(self, reading: Reading) -> Iterator[tuple[int, Interaction]]:
        """The events of a file, counted."""
        for place, event in reading.events(self.refused):
            if not self.types:
                self.first = event.event_time
            self.last = event.event_time
            self.types[str(event.__struct_config__.tag)] += 1
            self.users[event.user_id] += 1
            if (item := getattr(event, "item_id", None)) is not None:
                self.items[item] += 1
            self.days_alone = self.days_alone and event.event_time % 86_400 == 0
            yield place, event


def report_of(reading: Reading, counts: FileCounts) -> FileReport:
    """How a file of events was read; its events have passed the tally."""
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


def catalogue_report(catalogue: Catalogue, counts: FileCounts | None, found: CatalogueTally) -> CatalogueReport:
    """How a catalogue was read, and how many of the events' items it knows."""
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
        items=len(found.ids),
        refused=found.refused.total,
        reasons=found.refused.most_common(),
        left_out=found.left_out.most_common(),
        columns={name: ", ".join(used[name]) if name in used else None for name in names},
        contents={column: contents(catalogue.cells[column]) for column in used},
        categories={column: one.told for column, one in catalogue.spellings.items()},
        known=None if counts is None else sum(item in found.ids for item in counts.items),
    )


class CatalogueTally(Struct):
    """What a catalogue comes to."""

    ids: set[str] = msgspec.field(default_factory=set)
    refused: Refused = msgspec.field(default_factory=Refused)
    left_out: Refused = msgspec.field(default_factory=Refused)


def moment(seconds: float) -> str:
    """Seconds since 1970 as ISO in UTC, with a fraction only where there is one.

    >>> moment(1396867869.277), moment(0)
    ('2014-04-07T10:51:09.277Z', '1970-01-01T00:00:00Z')
    """
    at = np.datetime64(round(seconds * 1e6), "us")
    whole, _, fraction = str(np.datetime_as_string(at)).partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def contents(cells: Sequence[Cell]) -> str:
    """What the cells of a column are, judged by the first of them.

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
    """What is read as it stands, but may have been meant otherwise."""
    for name, ids in (("user", counts.users), ("item", counts.items)):
        column = reading.columns.get(name, "")  # type: ignore[call-overload]
        for one in [one for one in ids if one.strip().lower() in NO_ID][:3]:
            yield f"the {name} {one!r} is an id like others; its rows (here {ids[one]:,}) may have meant none"
        if any(map(_CUT.fullmatch, ids)):
            yield f"ids in {column!r} look like 1.23E+15: a spreadsheet has cut them"
        listed = sum(one.startswith("[") or "|" in one or "," in one for one in ids)
        if ids and listed > 0.5 * len(ids):
            yield f"ids in {column!r} look like lists: an event is about one item"
    if counts.events > 1 and counts.days_alone:
        yield "times are days alone: within a day the order is that of the file"
    if reading.times.order:
        yield f"days and months are read {reading.times.order}"
