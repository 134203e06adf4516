"""Parses the command-line options about files into values."""

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
    """The options of `check`, `import` and `backtest` as typed.

    With a catalogue alone, `columns_map`, `columns` and `separator` apply to the catalogue.
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


def event_options_of(typed: Typed) -> EventFileOptions:
    """Return how to read the file of events.

    Raises:
        UnreadableFile: an option is invalid.
    """
    return EventFileOptions(
        columns=parse_map(typed.columns_map),
        types=types_of(typed.types),
        layout=layout_of(typed.columns, typed.separator),
        dates=_dates(typed.dates),
        limit=typed.limit,
    )


def item_options_of(typed: Typed) -> ItemFileOptions:
    """Return how to read the catalogue.

    Raises:
        UnreadableFile: an option is invalid.
    """
    alone = typed.events is None
    columns_map = typed.items_map or (typed.columns_map if alone else "")
    columns = typed.items_columns or (typed.columns if alone else "")
    separator = typed.items_separator or (typed.separator if alone else "")
    return ItemFileOptions(
        columns=parse_items_map(columns_map),
        layout=layout_of(columns, separator),
        dates=_dates(typed.dates),
        option="--map" if alone and not typed.items_map else "--items-map",
    )


def _dates(text: str) -> str:
    if text and text not in ORDERS:
        raise UnreadableFile(f"--dates {text!r} is none of {', '.join(ORDERS)}")
    return text
