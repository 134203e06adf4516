"""The common form of every file format: named columns, and rows of cells numbered as in an editor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

Cell = object
"""`None` for an empty cell; text as written; or the file's own type: a number, a date, a list …"""


class MalformedRow(Struct, frozen=True):
    """A row that cannot be read: the reason, and its text."""

    reason: str
    shown: str = ""


Row = tuple[int, list[Cell] | MalformedRow]
"""A row's number and its cells, or why it is malformed."""

SEPARATORS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "blank": " "}


class ColumnLayout(Struct, frozen=True):
    """What the user says of a text file: its columns if it has no header, and their separator."""

    columns: tuple[str, ...] = ()
    separator: str = ""


class TableRows(Protocol):
    """A file's rows. `read` may be called again, and yields only the requested columns, in that order."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return its columns, in the order of the file; nested ones by their path, such as ``user.id``."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return remarks on how it is read."""

    @property
    def spaced(self) -> frozenset[str]:
        """Return the columns whose cells are blank-separated lists."""

    @property
    def unit(self) -> str:
        """Return what row numbers count: `line` or `row`."""

    def read(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield its rows."""


def layout_of(columns: str, separator: str) -> ColumnLayout:
    """Return the layout of typed options.

    >>> layout_of("user, item,,time", "tab")
    ColumnLayout(columns=('user', 'item', '', 'time'), separator='\\t')
    """
    names = tuple(name.strip() for name in columns.split(",")) if columns else ()
    return ColumnLayout(names, SEPARATORS.get(separator.lower(), separator))


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return unique names: empty ones are named by their position, repeated ones get a number.

    >>> unique(["a", "", "a"])
    ('a', 'column 2', 'a (2)')
    """
    chosen: list[str] = []
    for position, name in enumerate(names, 1):
        base = name or f"column {position}"
        count = 1
        while (unused := base if count == 1 else f"{base} ({count})") in chosen:
            count += 1
        chosen.append(unused)
    return tuple(chosen)
