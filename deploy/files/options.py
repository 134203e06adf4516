"""What is typed on the command line about a file, as values."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from deploy.files.errors import UnreadableFile
from deploy.files.events import EventFileOptions
from deploy.files.fields.clock import ORDERS
from deploy.files.fields.columns import parse_items_map, parse_map
from deploy.files.fields.event_types import types_of
from deploy.files.items import ItemFileOptions
from deploy.files.tables.rows import layout_of


class Typed(Struct, frozen=True):
    """The options of `check`, `import` and `backtest`, as they were typed.

    With a catalogue alone, `columns_map`, `columns` and `separator` are the catalogue's.
    """

    events: Path | None = None
    items: Path | None = None
    columns_map: str = ""
    items_map: str = ""
    types: str = ""
    columns: str = ""
    items_columns: str = ""
    separator: str = ""
    items_separator: str = ""
    dates: str = ""
    limit: int | None = None


def asked_of(typed: Typed) -> EventFileOptions:
    """How the file of events is to be read.

    Raises:
        UnreadableFile: an option cannot be understood.
    """
    return EventFileOptions(
        columns=parse_map(typed.columns_map),
        types=types_of(typed.types),
        layout=layout_of(typed.columns, typed.separator),
        dates=_dates(typed.dates),
        limit=typed.limit,
    )


def asked_items_of(typed: Typed) -> ItemFileOptions:
    """How the catalogue is to be read.

    Raises:
        UnreadableFile: an option cannot be understood.
    """
    alone = typed.events is None
    named = typed.items_map or (typed.columns_map if alone else "")
    columns = typed.items_columns or (typed.columns if alone else "")
    separator = typed.items_separator or (typed.separator if alone else "")
    return ItemFileOptions(
        columns=parse_items_map(named),
        layout=layout_of(columns, separator),
        dates=_dates(typed.dates),
        option="--map" if alone and not typed.items_map else "--items-map",
    )


def _dates(text: str) -> str:
    if text and text not in ORDERS:
        raise UnreadableFile(f"--dates {text!r} is none of {', '.join(ORDERS)}")
    return text
