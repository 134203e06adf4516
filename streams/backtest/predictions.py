"""Predictions as a Parquet file: one row per evaluated event, written as the backtest runs."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streams.backtest.evaluator import EvaluatedList

_FIELDS: list[pa.Field[Any]] = [
    pa.field("index", pa.int64(), nullable=False),
    pa.field("user", pa.string(), nullable=False),
    pa.field("item", pa.string(), nullable=False),
    pa.field("list", pa.list_(pa.string()), nullable=False),
]
SCHEMA = pa.schema(_FIELDS)
"""`index` is the 0-based row in the time-ordered input, refused rows counted; `list` the items, best first."""
ROWS_PER_WRITE = 10_000


class Predictions:
    """Writes rows to a file; the same rows give the same bytes."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._rows: list[EvaluatedList] = []

    def __enter__(self) -> Predictions:
        """Return this writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the remaining rows and close the file."""
        self._flush()
        self._writer.close()

    def add(self, evaluated: EvaluatedList) -> None:
        """Add a row."""
        self._rows.append(evaluated)
        if len(self._rows) == ROWS_PER_WRITE:
            self._flush()

    def _flush(self) -> None:
        rows = [{"index": row.index, "user": row.user, "item": row.item, "list": list(row.shown)} for row in self._rows]
        self._writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
        self._rows = []
