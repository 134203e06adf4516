"""Events of a file in event-time order, each checked by the codec as if an application had sent it."""

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
from deploy.files.tables.rows import Cell, ColumnLayout, Wrong
from schemas.codec import decode
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
"""Fields whose texts come again and again: each is kept in memory once."""
SHOWN_CHARACTERS = 120
"""How much of a broken row is kept to be shown."""
_Kept = tuple[dict[Cell, Cell] | None, list[Cell]]
REASONS = {
    "absurd-time": "the time is before 1995 or more than a day ahead",
    "Object missing required field `user_id`": "no user",
    "Object missing required field `item_id`": "no item",
    "Object missing required field `event_time`": "no time",
    "Object missing required field `value`": "a rating without a value",
}
"""The codec's words in those of somebody who looks at a file."""


class EventFileOptions(Struct, frozen=True):
    """How a file is to be read where the file itself does not say it."""

    columns: Mapping[Field, str] = {}
    types: Types = Types()
    layout: ColumnLayout = ColumnLayout()
    dates: str = ""
    limit: int | None = None


class Reading(Struct, frozen=True):
    """A file of events that was read: its cells, by field, and when each row happened.

    `cells: field -> [rows]`, `numbers: [rows]` as an editor counts, `order: [rows]` by time, broken rows last. `whole`
    says that times are whole seconds. The same row of the same file has the same event id, however it is compressed: a
    second import is recognised as duplicates.
    """

    table: Table
    columns: dict[Field, str]
    kind: str
    types: Types
    cells: dict[Field, list[Cell]]
    times: Times
    numbers: list[int]
    broken: dict[int, Wrong]
    order: NDArray[np.int64]
    whole: bool
    now: float

    @property
    def rows(self) -> int:
        """How many rows are read, wrong ones too."""
        return len(self.order)

    def events(self, refused: Refused) -> Iterator[tuple[int, Interaction]]:
        """Each event with its 0-based place in time order; rows that are none are counted and keep their place."""
        fields = list(self.cells)
        for place, row in enumerate(self.order.tolist()):
            if row in self.broken:
                refused.count(
                    self.broken[row].reason, self.numbers[row], _short(self.broken[row].shown, SHOWN_CHARACTERS)
                )
                continue
            cells = {field: self.cells[field][row] for field in fields}
            try:
                yield place, self._event(row, place, cells)
            except BadCell as exc:
                refused.count(str(exc), self.numbers[row], self._shown(cells))
            except DecodeError as exc:
                refused.count(_reason(exc), self.numbers[row], self._shown(cells))

    def _event(self, row: int, place: int, cells: Mapping[Field, Cell]) -> Interaction:
        seconds = float(self.times.seconds[row])
        if seconds != seconds and cells["time"] is not None:
            raise BadCell(f"{WRONG} in {self.columns['time']!r}")
        made = _event_of(cells, self.kind, self.types, self.columns)
        if seconds == seconds:
            made["event_time"] = seconds
        if "event_id" not in made:
            moment = int(seconds) if self.whole else seconds
            words = f"{self.table.stem}|{place}|{cells['user']}|{cells.get('item')}|{moment}"
            made["event_id"] = blake2b(words.encode(errors="surrogatepass"), digest_size=10).hexdigest()
        decoded: Interaction = decode(INTERACTIONS, json_of(made), now=self.now)
        return decoded

    def _shown(self, cells: Mapping[Field, Cell]) -> str:
        """The cells of a row, for people."""
        return ", ".join(f"{self.columns[field]}={_short(cell)}" for field, cell in cells.items())


def _short(cell: Cell, most: int = 40) -> str:
    shown = "" if cell is None else str(cell).strip()
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _reason(exc: DecodeError) -> str:
    """Why the codec refused it, without the values: they are the example."""
    return REASONS.get(exc.reason) or REASONS.get(str(exc)) or f"{exc.reason}: {exc}"[:160]


def read(path: Path, asked: EventFileOptions, *, now: float) -> Reading:
    """Read a file of events.

    Raises:
        UnreadableFile: it cannot be read, or lacks a column, or its dates can be meant in several ways.
    """
    table = open_table(path, asked.layout)
    columns = columns_of(table.rows.names, asked.columns)
    if asked.types.always:
        columns.pop("type", None)
    cells, numbers, broken = _cells(table, columns)
    times = times_of(cells["time"], event_clock(now, asked.dates), columns["time"])
    order = np.argsort(times.seconds, kind="stable")[: asked.limit]
    kind = asked.types.always or kind_of(columns, {field: name for field, name in asked.columns.items() if name})
    return Reading(
        table, columns, kind, asked.types, cells, times, numbers, broken, order, _whole(cells["time"], times), now
    )


def _whole(cells: Sequence[Cell], times: Times) -> bool:
    """Whether all times are whole numbers of seconds: ids of events are made of their digits."""
    if list(times.forms) != ["seconds"] or times.forms["seconds"] != len(cells):
        return False
    return all(isinstance(cell, int) or (isinstance(cell, str) and cell.isdecimal()) for cell in cells)


def _cells(table: Table, columns: Mapping[Field, str]) -> tuple[dict[Field, list[Cell]], list[int], dict[int, Wrong]]:
    """The cells that are needed, by field; a text that comes again is kept once."""
    fields = [field for field in FIELDS if field in columns]
    cells: dict[Field, list[Cell]] = {field: [] for field in fields}
    kept: list[_Kept] = [({} if field in _REPEATING else None, cells[field]) for field in fields]
    numbers: list[int] = []
    broken: dict[int, Wrong] = {}
    for number, row in table.rows.read([columns[field] for field in fields]):
        if isinstance(row, Wrong):
            broken[len(numbers)] = row
            row = [None] * len(fields)
        numbers.append(number)
        _keep(row, kept)
    return cells, numbers, broken


def _keep(row: Sequence[Cell], kept: Sequence[_Kept]) -> None:
    for cell, (known, column) in zip(row, kept, strict=True):
        column.append(known.setdefault(cell, cell) if known is not None and isinstance(cell, str) else cell)


def _event_of(cells: Mapping[Field, Cell], kind: str, types: Types, columns: Mapping[Field, str]) -> dict[str, Any]:
    """A row as what an application would have sent; what is missing in it is left for the codec to say.

    Raises:
        BadCell: a cell is not what its field asks for.
    """
    made: dict[str, Any] = {}
    for field, name in TEXTS:
        if field in cells and (text := _in(columns[field], text_of_cell, cells[field])) is not None:
            made[name] = text
    word = text_of_cell(cells["type"]) if "type" in cells else None
    made["type"] = types.of(word) if word else kind
    for field, name in (("event", "event_id"), ("basket", "basket_id")):
        if field in cells and (text := _in(columns[field], text_of_cell, cells[field])) is not None:
            made[name] = text
    for field in NUMBERS:
        if field in cells and (number := _in(columns[field], number_of_cell, cells[field])) is not None:
            made[field] = number
    context = {field: text for field in CONTEXT if field in cells and (text := text_of_cell(cells[field]))}
    return made | ({"context": context} if context else {})


def _in(column: str, reader: Any, cell: Cell) -> Any:
    """What a reader of cells makes of it; the reason names the column."""
    if cell is None:
        return None
    try:
        return reader(cell)
    except BadCell as exc:
        raise BadCell(f"{exc} in {column!r}") from exc
