"""What every kind of file is read as: named columns, and rows of cells with the numbers that an editor shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

Cell = object
"""`None` where there is nothing; text as written; or what the file says it is: a number, a date, a list …"""


class Wrong(Struct, frozen=True):
    """What stands where no row can be read: why, and how it looks."""

    reason: str
    shown: str = ""


Row = tuple[int, list[Cell] | Wrong]
"""A row's number and its cells, or what stands in place of them."""

SEPARATORS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "blank": " "}


class ColumnLayout(Struct, frozen=True):
    """What the user says of a text file: its columns if it has no header, and what parts them."""

    columns: tuple[str, ...] = ()
    separator: str = ""


class TableRows(Protocol):
    """A file's rows. `read` may be called again, and yields only the columns asked for, in that order."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns, in the order of the file; nested ones by their path, such as ``user.id``."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How it is read, for people."""

    @property
    def spaced(self) -> frozenset[str]:
        """Columns whose cells are lists with blanks between."""

    @property
    def unit(self) -> str:
        """What numbers count: lines or rows."""

    def read(self, columns: Sequence[str]) -> Iterator[Row]:
        """Its rows."""


def layout_of(columns: str, separator: str) -> ColumnLayout:
    """The layout from what was typed.

    >>> layout_of("user, item,,time", "tab")
    ColumnLayout(columns=('user', 'item', '', 'time'), separator='\\t')
    """
    names = tuple(name.strip() for name in columns.split(",")) if columns else ()
    return ColumnLayout(names, SEPARATORS.get(separator.lower(), separator))


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names as they are; empty ones are named by their place, and what comes again has a number behind it.

    >>> unique(["a", "", "a"])
    ('a', 'column 2', 'a (2)')
    """
    made: list[str] = []
    for place, name in enumerate(names, 1):
        base = name or f"column {place}"
        count = 1
        while (unused := base if count == 1 else f"{base} ({count})") in made:
            count += 1
        made.append(unused)
    return tuple(made)
