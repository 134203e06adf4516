"""Events and items from files, in one call each: a thin front of `deploy.files`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.files.errors import Refused, UnreadableFile
from deploy.files.events import EventFileOptions, read
from deploy.files.fields.columns import Field, kind_of, parse_items_map, parse_map
from deploy.files.fields.event_types import TAGS, TYPES, Types, types_of
from deploy.files.items import ItemFileOptions, read_catalogue
from deploy.files.tables.formats import open_table
from deploy.files.tables.rows import Wrong
from schemas.interactions import Interaction
from schemas.items import Item

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TAGS",
    "TYPES",
    "Refused",
    "Types",
    "UnreadableFile",
    "kind_of",
    "parse_items_map",
    "parse_map",
    "read_events",
    "read_frame",
    "read_items",
    "types_of",
]


def read_events(
    path: Path, given: Mapping[Field, str], *, now: float, refused: Refused, limit: int | None = None
) -> list[tuple[int, Interaction]]:
    """Events in event-time order, ties in the order of the file, each with its 0-based place in that order.

    Places count refused rows too. The type of an event is its `type` column's (see `TYPES`), else `kind_of`'s.

    Raises:
        UnreadableFile: the file cannot be read, or lacks a column.
    """
    return list(read(path, EventFileOptions(columns=given, limit=limit), now=now).events(refused))


def read_items(
    path: Path, *, now: float, refused: Refused, given: Mapping[str, tuple[str, ...]] | None = None
) -> Iterator[Item]:
    """Items of a catalogue file; see `deploy.files.fields.categories` for how lists may be spelt.

    Raises:
        UnreadableFile: the file cannot be read, or has no column for the item's id.
    """
    yield from read_catalogue(path, ItemFileOptions(given or {}), now=now).items(refused, Refused())


def read_frame(path: Path) -> pd.DataFrame:
    """The file as a table, its cells as they are written.

    Raises:
        UnreadableFile: it cannot be read, or a row of it is none.
    """
    import pandas as pd

    table = open_table(path)
    rows = list(table.rows.read(table.rows.names))
    wrong = next((f"{table.rows.unit} {number}: {row.reason}" for number, row in rows if isinstance(row, Wrong)), None)
    if wrong is not None:
        raise UnreadableFile(f"{str(path)!r}, {wrong}")
    return pd.DataFrame([row for _, row in rows if isinstance(row, list)], columns=list(table.rows.names))
