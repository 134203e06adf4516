"""Parses a cell as an id, a number or text. A value that is not exact is refused, never rounded."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from deploy.files.errors import BadCell
from deploy.files.tables.json_rows import EXACT_BELOW, Inexact
from deploy.files.tables.rows import Cell
from schemas.bounds import LARGEST_AMOUNT

CURRENCIES = "$€£¥"
MISSING_NUMBERS = frozenset({"na", "n/a", "nan", "null", "none", "\\n", "-"})
"""Texts that mean a missing number. As an id or a title they are kept."""


def text_of_cell(cell: Cell) -> str | None:
    """Return a cell as an id or text, exactly; none for a missing one.

    Raises:
        BadCell: a list or an object, bytes that are not text, or a float that may not be exact.

    >>> text_of_cell("007"), text_of_cell(10254939386542155531000), text_of_cell(12.0), text_of_cell("NA")
    ('007', '10254939386542155531000', '12', 'NA')
    """
    if cell is None or isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return _float(cell)
    if isinstance(cell, Decimal):
        return str(int(cell)) if cell == cell.to_integral_value() else str(cell)
    if isinstance(cell, bytes):
        return _decoded(cell)
    if isinstance(cell, UUID):
        return str(cell)
    raise BadCell(f"{_kind(cell)}, where one value is needed")


def _float(cell: float) -> str | None:
    if math.isnan(cell):
        return None
    if isinstance(cell, Inexact) or abs(cell) >= EXACT_BELOW:
        raise BadCell("a float too large to be sure of its digits")
    return str(int(cell)) if cell.is_integer() else repr(cell)


def _decoded(cell: bytes) -> str | None:
    try:
        return cell.decode() or None
    except UnicodeDecodeError as exc:
        raise BadCell("bytes that are not UTF-8") from exc


def _kind(cell: Cell) -> str:
    if isinstance(cell, dict):
        return "an object"
    if isinstance(cell, list | tuple | set):
        return "a list"
    if isinstance(cell, datetime | date):
        return "a date"
    return f"a {type(cell).__name__}"


def json_of(row: object) -> bytes:
    """Return a row as JSON.

    Raises:
        BadCell: a text holds a lone surrogate, which JSON escapes allow.
    """
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError as exc:
        raise BadCell("text that is not Unicode") from exc


def number_of_cell(cell: Cell) -> float | None:
    """Return a cell as a number; none for a missing one. A currency sign before or after it is ignored.

    Raises:
        BadCell: it is not a number, not finite, or beyond `LARGEST_AMOUNT`.

    >>> number_of_cell("4.5"), number_of_cell("$7.99"), number_of_cell("NA"), number_of_cell(None)
    (4.5, 7.99, None, None)
    """
    if isinstance(cell, bytes):
        cell = _decoded(cell)
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, str):
        stripped = cell.strip().strip(CURRENCIES).strip()
        if stripped.lower() in MISSING_NUMBERS or not stripped:
            return None
        cell = stripped.replace("_", "?")
    if not isinstance(cell, str | int | float | Decimal):
        raise BadCell(f"{_kind(cell)}, where a number is needed")
    return _finite(cell)


def _finite(cell: str | float | Decimal) -> float:
    try:
        number = float(cell)
    except ValueError as exc:
        raise BadCell("no number") from exc
    except OverflowError as exc:
        raise BadCell(f"a number beyond {LARGEST_AMOUNT:g}") from exc
    if not abs(number) <= LARGEST_AMOUNT:
        raise BadCell(f"a number beyond {LARGEST_AMOUNT:g}")
    return number
