"""Items of a catalogue file, each checked by the codec as if an application had sent it."""

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
from deploy.files.tables.rows import Cell, ColumnLayout, Wrong
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.items import Item
from schemas.topics import ITEMS

LIST_FIELDS = ("categories", "tags")
DATES = ("available_from", "available_until")
_URIS = re.compile(r"[\s|;,]+(?=https?://)")
_YEAR = re.compile(r"(19|20)\d{2}")


class ItemFileOptions(Struct, frozen=True):
    """How a catalogue is to be read where it does not say it; `option` is what its map is called in messages."""

    columns: Mapping[str, tuple[str, ...]] = {}
    layout: ColumnLayout = ColumnLayout()
    dates: str = ""
    option: str = "--items-map"


class Catalogue(Struct, frozen=True):
    """A catalogue that was read: `cells: column -> [rows]`, and how its lists and dates are spelt."""

    table: Table
    columns: dict[str, tuple[str, ...]]
    cells: dict[str, list[Cell]]
    numbers: list[int]
    broken: dict[int, Wrong]
    spellings: dict[str, Spelling]
    times: dict[str, Times]
    now: float

    @property
    def rows(self) -> int:
        """How many rows were read, wrong ones too."""
        return len(self.numbers)

    def items(self, refused: Refused, left_out: Refused) -> Iterator[Item]:
        """Each item; rows that are none are refused, and single cells that cannot be used are left out and counted."""
        for row, number in enumerate(self.numbers):
            if row in self.broken:
                refused.count(self.broken[row].reason, number, self.broken[row].shown.strip())
                continue
            try:
                yield self._item(row, left_out)
            except BadCell as exc:
                refused.count(str(exc), number, self._shown(row))
            except DecodeError as exc:
                missing = "no item id" if "`item_id`" in str(exc) else f"{exc.reason}: {exc}"[:160]
                refused.count(missing, number, self._shown(row))

    def _item(self, row: int, left_out: Refused) -> Item:
        made: dict[str, Any] = {}
        for field, columns in self.columns.items():
            name = "item_id" if field == "item" else field
            for column in columns:
                try:
                    self._put(made, name, column, row)
                except BadCell as exc:
                    if name == "item_id" or name in DATES:
                        raise BadCell(f"{exc} in {column!r}") from exc
                    left_out.count(f"{exc} in {column!r}", self.numbers[row], str(self.cells[column][row]))
        decoded: Item = decode(ITEMS, json_of(made), now=self.now)
        return decoded

    def _put(self, made: dict[str, Any], name: str, column: str, row: int) -> None:
        """One cell into its field; several columns of a list add up."""
        cell = self.cells[column][row]
        if name in LIST_FIELDS:
            words = words_of(cell, self.spellings[column])
            made[name] = list(dict.fromkeys([*made.get(name, []), *words]))
        elif name == "images":
            made[name] = [*made.get(name, []), *_uris(cell)]
        elif name.startswith("attributes"):
            made.setdefault("attributes", {}).update(_attributes(name, column, cell))
        elif (value := self._value(name, column, row, cell)) is not None:
            made[name] = value

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


def read_catalogue(path: Path, asked: ItemFileOptions, *, now: float) -> Catalogue:
    """Read a catalogue.

    Raises:
        UnreadableFile: it cannot be read, lacks the column of the item's id, or its dates can be meant in several ways.
    """
    table = open_table(path, asked.layout)
    columns = item_columns_of(table.rows.names, asked.columns, asked.option)
    needed = list(dict.fromkeys(column for several in columns.values() for column in several))
    cells: dict[str, list[Cell]] = {column: [] for column in needed}
    numbers: list[int] = []
    broken: dict[int, Wrong] = {}
    for number, row in table.rows.read(needed):
        if isinstance(row, Wrong):
            broken[len(numbers)] = row
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
        column: times_of(list(map(_year, cells[column])), item_clock(now, asked.dates), column)
        for field in DATES
        for column in columns.get(field, ())
    }
    return Catalogue(table, columns, cells, numbers, broken, spellings, times, now)


def _year(cell: Cell) -> Cell:
    """A year alone is its first day: catalogues say no more of films."""
    return f"{cell}-01" if isinstance(cell, str | int) and _YEAR.fullmatch(str(cell).strip()) else cell


def _uris(cell: Cell) -> list[str]:
    """Addresses of images: a list, a text that spells one, or addresses one after the other."""
    if isinstance(cell, dict):
        cell = [cell]
    if isinstance(cell, list):
        return [uri for one in cell if (uri := _uri(one))]
    return [uri for word in words_of(cell, Spelling(_URIS, "")) if (uri := word)]


def _uri(cell: Cell) -> str | None:
    """An address; of several sizes the largest that is named."""
    if isinstance(cell, dict):
        sizes = ("hi_res", "large", "url", "src", "medium", "small", "thumb")
        cell = next((cell[size] for size in sizes if cell.get(size)), None)
    return text_of_cell(cell)


def _attributes(name: str, column: str, cell: Cell) -> dict[str, str | float | bool]:
    """A column as an attribute of its name; an object as one attribute for each of its keys."""
    if isinstance(cell, dict):
        made = {str(key): _attribute(value) for key, value in cell.items()}
    else:
        made = {name.removeprefix(ATTRIBUTE) if name.startswith(ATTRIBUTE) else column: _attribute(cell)}
    return {key: value for key, value in made.items() if value is not None}


def _attribute(cell: Cell) -> str | float | bool | None:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float | Decimal):
        return number_of_cell(cell)
    return text_of_cell(cell)
