"""Erases users from files of the off-line log."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.offline.files import LogFile, appearing, sync
from features.views import USER_KEY

TIME_COLUMN = "event_timestamp"
_MICROSECONDS = pa.timestamp("us", "UTC")


def count_rows(path: Path, users: Collection[str], *, until: float | None = None) -> int:
    """Return how many rows of a file are about these users, up to this time if one is given.

    A file that is about items has none, as has one that was removed meanwhile.

    Raises:
        ArrowException: the file is damaged.
    """
    try:
        if USER_KEY not in pq.read_schema(path).names:
            return 0
        rows = pq.read_table(path, columns=[USER_KEY, TIME_COLUMN])
    except FileNotFoundError:
        return 0
    if until is not None:
        times = rows.column(TIME_COLUMN).cast(_MICROSECONDS, safe=False)
        rows = rows.filter(pc.less_equal(times, pa.scalar(datetime.fromtimestamp(until, tz=UTC), _MICROSECONDS)))
    return int(pc.sum(_is_one_of(rows, users)).as_py() or 0)


def erase_rows(file: LogFile, users: Collection[str]) -> None:
    """Replace a file at once by one of the same name without the rows of these users, if it has any.

    The file keeps its time, and in its metadata which files it replaces.

    Raises:
        OSError: the disk is full.
        ArrowException: the file is damaged.
    """
    if not count_rows(file.path, users):
        return
    rows = pq.read_table(file.path)
    rows = rows.filter(pc.invert(_is_one_of(rows, users)))
    with appearing(file.path) as partial:
        pq.write_table(rows, partial, compression="zstd")
        sync(partial)
        os.utime(partial, (file.visible_at, file.visible_at))
    sync(file.path.parent)


def _is_one_of(rows: pa.Table, users: Collection[str]) -> Any:
    return pc.is_in(rows.column(USER_KEY).cast(pa.string()), value_set=pa.array(list(users), pa.string()))
