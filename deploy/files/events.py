"""Reads events of a file in event-time order; the codec checks each as if an application had sent it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from deploy.files.errors import BadCell, Refused
from deploy.files.fields.cells import json_of, number_of_cell, text_of_cell
from deploy.files.fields.columns import FIELDS, Field, columns_of, kind_of
from deploy.files.fields.event_types import Types
from deploy.files.fields.times import WRONG, Times, event_clock, times_of
from deploy.files.tables.formats import Table, open_table
from deploy.files.tables.rows import Cell, ColumnLayout, MalformedRow
from schemas.codec import EARLIEST_YEAR, decode
from schemas.errors import DecodeError
from schemas.interactions import Interaction
from schemas.topics import INTERACTIONS

TEXTS: tuple[tuple[Field, str], ...] = (
    ("user", "user_id"),
    ("item", "item_id"),
    ("session", "session_id"),
    ("query", "query"),
)
NUMBERS: tuple[Field, ...] = ("value", "price", "quantity", "seconds")
CONTEXT: tuple[Field, ...] = ("surface", "device", "place", "locale")
_REPEATING = frozenset({"user", "item", "type", "session", "basket", *CONTEXT})
"""Fields whose texts repeat: each text is kept in memory once."""
SHOWN_CHARACTERS = 120
"""Characters of a malformed row that are kept as an example."""
_Column = tuple[dict[Cell, Cell] | None, list[Cell]]
"""The texts seen so far, where they repeat; and the column's cells."""
REASONS = {
    "absurd-time": f"the time is before {EARLIEST_YEAR} or more than a day ahead",
    "Object missing required field `user_id`": "no user",
    "Object missing required field `item_id`": "no item",
    "Object missing required field `event_time`": "no time",
    "Object missing required field `value`": "a rating without a value",
}
"""The codec's messages in terms of a file."""


class EventFileOptions(Struct, frozen=True):
    """How to read a file where the file itself does not say it."""

    columns: Mapping[Field, str] = {}
    types: Types = Types()
    layout: ColumnLayout = ColumnLayout()
    dates: str = ""
    limit: int | None = None


class Reading(Struct, frozen=True):
    """The contents of a file of events: its cells by field, and the time of each row.

    `cells: field -> [rows]`, `numbers: [rows]` as an editor counts, `order: [rows]` by time, malformed rows last.
    `whole` says that times are whole seconds. The same row of the same file has the same event id, however the file is
    compressed, so a second import consists of duplicates.
    """

    table: Table
    columns: dict[Field, str]
    kind: str
    types: Types
    cells: dict[Field, list[Cell]]
    times: Times
    numbers: list[int]
    malformed: dict[int, MalformedRow]
    order: NDArray[np.int64]
    whole: bool
    now: float

    @property
    def rows(self) -> int:
        """Return the number of rows, including malformed ones."""
        return len(self.order)

    def events(self, refused: Refused) -> Iterator[tuple[int, Interaction]]:
        """Yield each event with its 0-based index in time order; count refused rows, which keep their index."""
        fields = list(self.cells)
        for index, row in enumerate(self.order.tolist()):
            if row in self.malformed:
                refused.count(
                    self.malformed[row].reason, self.numbers[row], _short(self.malformed[row].shown, SHOWN_CHARACTERS)
                )
                continue
            cells = {field: self.cells[field][row] for field in fields}
            try:
                yield index, self._event(row, index, cells)
            except BadCell as exc:
                refused.count(str(exc), self.numbers[row], self._shown(cells))
            except DecodeError as exc:
                refused.count(_reason(exc), self.numbers[row], self._shown(cells))

    def _event(self, row: int, index: int, cells: Mapping[Field, Cell]) -> Interaction:
        seconds = float(self.times.seconds[row])
        if seconds != seconds and cells["time"] is not None:
            raise BadCell(f"{WRONG} in {self.columns['time']!r}")
        fields = _event_of(cells, self.kind, self.types, self.columns)
        if seconds == seconds:
            fields["event_time"] = seconds
        if "event_id" not in fields:
            moment = int(seconds) if self.whole else seconds
            words = f"{self.table.stem}|{index}|{cells['user']}|{cells.get('item')}|{moment}"
            fields["event_id"] = blake2b(words.encode(errors="surrogatepass"), digest_size=10).hexdigest()
        decoded: Interaction = decode(INTERACTIONS, json_of(fields), now=self.now)
        return decoded

    def _shown(self, cells: Mapping[Field, Cell]) -> str:
        """Return the cells of a row as an example."""
        return ", ".join(f"{self.columns[field]}={_short(cell)}" for field, cell in cells.items())


def _short(cell: Cell, most: int = 40) -> str:
    shown = "" if cell is None else str(cell).strip()
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _reason(exc: DecodeError) -> str:
    """Return why the codec refused a row, without its values, which are the example."""
    return REASONS.get(exc.reason) or REASONS.get(str(exc)) or f"{exc.reason}: {exc}"[:160]


def read(path: Path, options: EventFileOptions, *, now: float) -> Reading:
    """Read a file of events.

    Raises:
        UnreadableFile: it cannot be read, or lacks a column, or its dates are ambiguous.
    """
    table = open_table(path, options.layout)
    columns = columns_of(table.rows.names, options.columns)
    if options.types.always:
        columns.pop("type", None)
    cells, numbers, malformed = _cells(table, columns)
    times = times_of(cells["time"], event_clock(now, options.dates), columns["time"])
    order = np.argsort(times.seconds, kind="stable")[: options.limit]
    kind = options.types.always or kind_of(columns, {field: name for field, name in options.columns.items() if name})
    return Reading(
        table, columns, kind, options.types, cells, times, numbers, malformed, order, _whole(cells["time"], times), now
    )


def _whole(cells: Sequence[Cell], times: Times) -> bool:
    """Return whether all times are whole seconds: event ids are hashes of their digits."""
    if list(times.forms) != ["seconds"] or times.forms["seconds"] != len(cells):
        return False
    return all(isinstance(cell, int) or (isinstance(cell, str) and cell.isdecimal()) for cell in cells)


def _cells(
    table: Table, columns: Mapping[Field, str]
) -> tuple[dict[Field, list[Cell]], list[int], dict[int, MalformedRow]]:
    """Return the required cells by field, row numbers, and malformed rows; repeated texts are kept once."""
    fields = [field for field in FIELDS if field in columns]
    cells: dict[Field, list[Cell]] = {field: [] for field in fields}
    stores: list[_Column] = [({} if field in _REPEATING else None, cells[field]) for field in fields]
    numbers: list[int] = []
    malformed: dict[int, MalformedRow] = {}
    for number, row in table.rows.read([columns[field] for field in fields]):
        if isinstance(row, MalformedRow):
            malformed[len(numbers)] = row
            row = [None] * len(fields)
        numbers.append(number)
        _append(row, stores)
    return cells, numbers, malformed


def _append(row: Sequence[Cell], columns: Sequence[_Column]) -> None:
    for cell, (texts, column) in zip(row, columns, strict=True):
        column.append(texts.setdefault(cell, cell) if texts is not None and isinstance(cell, str) else cell)


def _event_of(cells: Mapping[Field, Cell], kind: str, types: Types, columns: Mapping[Field, str]) -> dict[str, Any]:
    """Return a row as the fields that an application would send; the codec reports missing ones.

    Raises:
        BadCell: a cell has no valid value for its field.
    """
    event: dict[str, Any] = {}
    for field, name in TEXTS:
        if field in cells and (text := _in(columns[field], text_of_cell, cells[field])) is not None:
            event[name] = text
    word = text_of_cell(cells["type"]) if "type" in cells else None
    event["type"] = types.of(word) if word else kind
    for field, name in (("event", "event_id"), ("basket", "basket_id")):
        if field in cells and (text := _in(columns[field], text_of_cell, cells[field])) is not None:
            event[name] = text
    for field in NUMBERS:
        if field in cells and (number := _in(columns[field], number_of_cell, cells[field])) is not None:
            event[field] = number
    context = {field: text for field in CONTEXT if field in cells and (text := text_of_cell(cells[field]))}
    return event | ({"context": context} if context else {})


def _in(column: str, reader: Any, cell: Cell) -> Any:
    """Return the cell as a reader of cells parses it; an error names the column."""
    if cell is None:
        return None
    try:
        return reader(cell)
    except BadCell as exc:
        raise BadCell(f"{exc} in {column!r}") from exc
