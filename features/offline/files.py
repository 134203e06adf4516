"""Files of the off-line log: their names, how they become visible at once, and how they are listed.

Whoever joins the log reads each `*.parquet` of a view's folder. A name says the day on which the rows were written, how
often they were merged, and a digest: files of one name have the same rows, so that writing one again changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex

from msgspec import Struct

SUFFIX = ".parquet"
PARTIAL = ".partial"
LEVELS = 9
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.(\d)\.[0-9a-f]{24}\.parquet")


class LogFile(Struct, frozen=True):
    """A visible file: the day its rows were written on, how often they were merged, its bytes, since when it is there.

    Files with other names, as earlier releases wrote, count as never merged and as written when they were modified.
    """

    path: Path
    day: date
    level: int
    size: int
    visible_at: float


def day_of(now: float) -> date:
    """Return the day (UTC) of a time.

    >>> day_of(1767225600.0)
    datetime.date(2026, 1, 1)
    """
    return datetime.fromtimestamp(now, tz=UTC).date()


def window_name(day: date, data: bytes) -> str:
    """Return the name of a file that was never merged, with this content."""
    return _name(day, 0, data)


def merged_name(sources: Sequence[LogFile]) -> str:
    """Return the name of the file with the rows of these."""
    level = min(LEVELS, 1 + max(source.level for source in sources))
    return _name(sources[0].day, level, "/".join(sorted(source.path.name for source in sources)).encode())


def _name(day: date, level: int, content: bytes) -> str:
    return f"{day.isoformat()}.{level}.{blake2b(content, digest_size=12).hexdigest()}{SUFFIX}"


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Give a hidden path to write to; a file that is complete there is renamed to `path`, or else removed."""
    partial = path.with_name(f".{path.stem}.{token_hex(4)}{PARTIAL}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have the disk keep what was written to a file, or a folder's names."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def list_files(folder: Path) -> list[LogFile]:
    """Return the visible files of a view, in order of their names."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX):
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                day, level = _parsed(entry.name) or (day_of(stat.st_mtime), 0)
                files.append(LogFile(Path(entry.path), day, level, stat.st_size, stat.st_mtime))
    return sorted(files, key=lambda file: file.path.name)


def _parsed(name: str) -> tuple[date, int] | None:
    match = _NAME.fullmatch(name)
    return (date.fromisoformat(match[1]), int(match[2])) if match else None


def remove_abandoned(folder: Path, before: float) -> None:
    """Remove hidden files that a dead process left, last written to before this time."""
    for path in folder.glob(f".*{PARTIAL}"):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
        except FileNotFoundError:
            continue
