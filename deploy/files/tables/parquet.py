"""Reads Parquet: columns keep the file's types; integers never become floats."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from shutil import copyfileobj
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as types

from deploy.files.errors import as_unreadable_file
from deploy.files.tables.json_rows import Inexact
from deploy.files.tables.opening import Opened
from deploy.files.tables.paths import expanded, pick
from deploy.files.tables.rows import Cell, Row, unique

MAGIC = b"PAR1"
ROWS_PER_BATCH = 16_384
SPOOLED = 64 << 20
EXACT_SINGLE_BELOW = 2**24
"""From here on a single-precision float may not be the exact integer that was written."""


class ParquetRows:
    """The rows of a Parquet file."""

    unit = "row"
    spaced: frozenset[str] = frozenset()

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        with as_unreadable_file(opened.path), self._file() as file:
            self._schema = file.schema_arrow
        self.names = unique([path for field in self._schema for path in _paths(field)])

    @property
    def notes(self) -> tuple[str, ...]:
        """Return no notes: nothing is assumed."""
        return ()

    @contextmanager
    def _file(self) -> Iterator[pq.ParquetFile]:
        """Yield the file; unpack one that was compressed as a whole first, since Parquet needs random access."""
        if not self._opened.layers:
            with pq.ParquetFile(self._opened.path) as file:
                yield file
            return
        with tempfile.SpooledTemporaryFile(SPOOLED) as unpacked:
            with self._opened.stream() as stream:
                copyfileobj(stream, unpacked)
            unpacked.seek(0)
            with pq.ParquetFile(unpacked) as file:
                yield file

    def read(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield its rows, counted from 1."""
        column_names = [field.name for field in self._schema]
        roots = {column: _root(column, column_names) for column in columns}
        nested = any(column != root for column, root in roots.items())
        number = 0
        with as_unreadable_file(self._opened.path), self._file() as file:
            for batch in file.iter_batches(ROWS_PER_BATCH, columns=sorted({*roots.values()})):
                cells = {name: _cells(batch.column(name)) for name in {*roots.values()}}
                for values in zip(*(cells[roots[column]] for column in columns), strict=True):
                    number += 1
                    if nested:
                        yield from ((number, row) for row in _picked(values, columns, roots))
                    else:
                        yield number, list(values)


def _picked(values: Sequence[Cell], columns: Sequence[str], roots: dict[str, str]) -> Iterator[list[Cell]]:
    row = [pick({roots[column]: value}, column) for column, value in zip(columns, values, strict=True)]
    return expanded(row)


def _root(column: str, column_names: Sequence[str]) -> str:
    """Return the column of the file that a path begins in."""
    if column in column_names:
        return column
    return max((name for name in column_names if column.startswith((f"{name}.", f"{name}[]"))), key=len, default=column)


def _paths(field: pa.Field[Any]) -> Iterator[str]:
    """Yield the paths of a column's parts."""
    kind = field.type
    if types.is_struct(kind):
        for part in kind.fields:
            yield from (f"{field.name}.{path}" for path in _paths(part))
    elif (types.is_list(kind) or types.is_large_list(kind)) and types.is_struct(kind.value_type):
        for part in kind.value_type.fields:
            yield from (f"{field.name}[].{path}" for path in _paths(part))
    else:
        yield field.name


def _cells(column: pa.Array[Any]) -> list[Cell]:
    """Return a column's cells as Python values."""
    kind = column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", tz="UTC" if kind.tz else None), safe=False)
    if types.is_float16(kind) or types.is_float32(kind):
        return [Inexact(x) if x is not None and abs(x) >= EXACT_SINGLE_BELOW else x for x in column.to_pylist()]
    if types.is_map(kind):
        return [None if pairs is None else dict(pairs) for pairs in column.to_pylist()]
    return _listed(column)


def _listed(column: pa.Array[Any]) -> list[Cell]:
    """Return Python values; bytes for invalid text, the type's name for dates that Python cannot represent."""
    try:
        cells = column.to_pylist()
    except UnicodeDecodeError:
        return list(column.cast(pa.large_binary()).to_pylist())
    except (ValueError, OverflowError):
        return [_cell(column, row) for row in range(len(column))]
    return [None if cell == "" else cell for cell in cells] if types.is_string(column.type) else list(cells)


def _cell(column: pa.Array[Any], row: int) -> Cell:
    try:
        return column[row].as_py()
    except (ValueError, OverflowError):
        return str(column[row].type)
