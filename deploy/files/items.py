"""Reads items of a catalogue file; the codec checks each as if an application had sent it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from deploy.files.errors import BadCell, Refused
from deploy.files.fields.categories import Spelling, spelling_of, words_of
from deploy.files.fields.cells import json_of, number_of_cell, text_of_cell
from deploy.files.fields.columns import ATTRIBUTE, item_columns_of
from deploy.files.fields.times import Times, item_clock, times_of
from deploy.files.tables.formats import Table, open_table
from deploy.files.tables.rows import Cell, ColumnLayout, MalformedRow
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.items import Item
from schemas.topics import ITEMS

LIST_FIELDS = ("categories", "tags", "locales")
DATES = ("available_from", "available_until")
_URIS = re.compile(r"[\s|;,]+(?=https?://)")
_YEAR = re.compile(r"(19|20)\d{2}")


class ItemFileOptions(Struct, frozen=True):
    """How to read a catalogue where it does not say it; `option` names its column map in messages."""

    columns: Mapping[str, tuple[str, ...]] = {}
    layout: ColumnLayout = ColumnLayout()
    dates: str = ""
    option: str = "--items-map"


class Catalogue(Struct, frozen=True):
    """The contents of a catalogue: `cells: column -> [rows]`, and how its lists and dates are spelt."""

    table: Table
    columns: dict[str, tuple[str, ...]]
    cells: dict[str, list[Cell]]
    numbers: list[int]
    malformed: dict[int, MalformedRow]
    spellings: dict[str, Spelling]
    times: dict[str, Times]
    now: float

    @property
    def rows(self) -> int:
        """Return the number of rows, including malformed ones."""
        return len(self.numbers)

    def items(self, refused: Refused, left_out: Refused) -> Iterator[Item]:
        """Yield each item; count refused rows, and in `left_out` unusable cells of items that are yielded."""
        for row, number in enumerate(self.numbers):
            if row in self.malformed:
                refused.count(self.malformed[row].reason, number, self.malformed[row].shown.strip())
                continue
            try:
                yield self._item(row, left_out)
            except BadCell as exc:
                refused.count(str(exc), number, self._shown(row))
            except DecodeError as exc:
                missing = "no item id" if "`item_id`" in str(exc) else f"{exc.reason}: {exc}"[:160]
                refused.count(missing, number, self._shown(row))

    def _item(self, row: int, left_out: Refused) -> Item:
        fields: dict[str, Any] = {}
        for field, columns in self.columns.items():
            name = "item_id" if field == "item" else field
            for column in columns:
                try:
                    self._put(fields, name, column, row)
                except BadCell as exc:
                    if name == "item_id" or name in DATES:
                        raise BadCell(f"{exc} in {column!r}") from exc
                    left_out.count(f"{exc} in {column!r}", self.numbers[row], str(self.cells[column][row]))
        decoded: Item = decode(ITEMS, json_of(fields), now=self.now)
        return decoded

    def _put(self, fields: dict[str, Any], name: str, column: str, row: int) -> None:
        """Put a cell into its field; several columns of a list field are concatenated."""
        cell = self.cells[column][row]
        if name in LIST_FIELDS:
            words = words_of(cell, self.spellings[column])
            fields[name] = list(dict.fromkeys([*fields.get(name, []), *words]))
        elif name == "images":
            fields[name] = [*fields.get(name, []), *_uris(cell)]
        elif name.startswith("attributes"):
            fields.setdefault("attributes", {}).update(_attributes(name, column, cell))
        elif (value := self._value(name, column, row, cell)) is not None:
            fields[name] = value

    def _value(self, name: str, column: str, row: int, cell: Cell) -> object:
        if name == "price":
            return number_of_cell(cell)
        if name in DATES:
            seconds = float(self.times[column].seconds[row])
            if math.isnan(seconds) and cell is not None and cell == cell:
                raise BadCell("no time")
            return None if math.isnan(seconds) else seconds
        if name == "text" and isinstance(cell, list):
            return "\n".join(filter(None, map(text_of_cell, cell))) or None
        return text_of_cell(cell)

    def _shown(self, row: int) -> str:
        shown = ((column, "" if (cell := cells[row]) is None else str(cell)) for column, cells in self.cells.items())
        return ", ".join(f"{column}={text[:40]}" for column, text in list(shown)[:4])


def read_catalogue(path: Path, options: ItemFileOptions, *, now: float) -> Catalogue:
    """Read a catalogue.

    Raises:
        UnreadableFile: it cannot be read, lacks the column of the item's id, or its dates are ambiguous.
    """
    table = open_table(path, options.layout)
    columns = item_columns_of(table.rows.names, options.columns, options.option)
    needed = list(dict.fromkeys(column for several in columns.values() for column in several))
    cells: dict[str, list[Cell]] = {column: [] for column in needed}
    numbers: list[int] = []
    malformed: dict[int, MalformedRow] = {}
    for number, row in table.rows.read(needed):
        if isinstance(row, MalformedRow):
            malformed[len(numbers)] = row
            row = [None] * len(needed)
        numbers.append(number)
        for column, cell in zip(needed, row, strict=True):
            cells[column].append(cell)
    spellings = {
        column: spelling_of(cells[column], spaced=column in table.rows.spaced)
        for field in LIST_FIELDS
        for column in columns.get(field, ())
    }
    times = {
        column: times_of(list(map(_year, cells[column])), item_clock(now, options.dates), column)
        for field in DATES
        for column in columns.get(field, ())
    }
    return Catalogue(table, columns, cells, numbers, malformed, spellings, times, now)


def _year(cell: Cell) -> Cell:
    """Return a bare year, as catalogues give of films, as its first month."""
    return f"{cell}-01" if isinstance(cell, str | int) and _YEAR.fullmatch(str(cell).strip()) else cell


def _uris(cell: Cell) -> list[str]:
    """Return image URIs of a list, a text that spells a list, or URIs one after the other."""
    if isinstance(cell, dict):
        cell = [cell]
    if isinstance(cell, list):
        return [uri for image in cell if (uri := _uri(image))]
    return [uri for word in words_of(cell, Spelling(_URIS, "")) if (uri := word)]


def _uri(cell: Cell) -> str | None:
    """Return a URI; of several sizes the largest."""
    if isinstance(cell, dict):
        sizes = ("hi_res", "large", "url", "src", "medium", "small", "thumb")
        cell = next((cell[size] for size in sizes if cell.get(size)), None)
    return text_of_cell(cell)


def _attributes(name: str, column: str, cell: Cell) -> dict[str, str | float | bool]:
    """Return a column as an attribute of its name; an object as one attribute per key."""
    if isinstance(cell, dict):
        attributes = {str(key): _attribute(value) for key, value in cell.items()}
    else:
        attributes = {name.removeprefix(ATTRIBUTE) if name.startswith(ATTRIBUTE) else column: _attribute(cell)}
    return {key: value for key, value in attributes.items() if value is not None}


def _attribute(cell: Cell) -> str | float | bool | None:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float | Decimal):
        return number_of_cell(cell)
    return text_of_cell(cell)
