"""Reads events and items from files, in one call each: a thin façade of `deploy.files`."""

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
from deploy.files.tables.rows import MalformedRow
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
    path: Path, columns: Mapping[Field, str], *, now: float, refused: Refused, limit: int | None = None
) -> list[tuple[int, Interaction]]:
    """Return events in event-time order, ties in the order of the file, each with its 0-based index in that order.

    Indexes count refused rows too. The type of an event is that of its `type` column (see `TYPES`), else `kind_of`'s.

    Raises:
        UnreadableFile: the file cannot be read, or lacks a column.
    """
    return list(read(path, EventFileOptions(columns=columns, limit=limit), now=now).events(refused))


def read_items(
    path: Path, *, now: float, refused: Refused, columns: Mapping[str, tuple[str, ...]] | None = None
) -> Iterator[Item]:
    """Yield the items of a catalogue file; see `deploy.files.fields.categories` for how lists may be spelt.

    Raises:
        UnreadableFile: the file cannot be read, or has no column for the item's id.
    """
    yield from read_catalogue(path, ItemFileOptions(columns or {}), now=now).items(refused, Refused())


def read_frame(path: Path) -> pd.DataFrame:
    """Return the file as a data frame, its cells as they are written.

    Raises:
        UnreadableFile: the file cannot be read, or a row of it is malformed.
    """
    import pandas as pd

    table = open_table(path)
    rows = list(table.rows.read(table.rows.names))
    malformed = next(
        (f"{table.rows.unit} {number}: {row.reason}" for number, row in rows if isinstance(row, MalformedRow)), None
    )
    if malformed is not None:
        raise UnreadableFile(f"{str(path)!r}, {malformed}")
    return pd.DataFrame([row for _, row in rows if isinstance(row, list)], columns=list(table.rows.names))
