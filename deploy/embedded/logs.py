"""The logs of a stack: their ends, and what is written to them from now on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

READ_BYTES = 65_536


def last_lines(path: Path, count: int) -> list[str]:
    """The last so many lines; a log of any size costs only those. Empty if the file is not there."""
    if not path.is_file() or count <= 0:
        return []
    with path.open("rb") as file:
        at, held = file.seek(0, os.SEEK_END), b""
        while at > 0 and held.count(b"\n") <= count:
            step = min(READ_BYTES, at)
            at -= step
            file.seek(at)
            held = file.read(step) + held
    return held.decode(errors="replace").splitlines()[-count:]


class Followed:
    """A log that is read as it grows. Begins at its end; one that was rotated or emptied is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file, self._at = self._now()
        self._held = b""

    def new_lines(self) -> list[str]:
        """The whole lines that were written since the last call; does not block."""
        file, size = self._now()
        if file != self._file or size < self._at:
            self._file, self._at, self._held = file, 0, b""
        if size == self._at:
            return []
        with self.path.open("rb") as log:
            log.seek(self._at)
            written = log.read(size - self._at)
        self._at += len(written)
        *lines, self._held = (self._held + written).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _now(self) -> tuple[int, int]:
        """Which file it is now, and how long; nothing if there is none."""
        try:
            known = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return known.st_ino, known.st_size


def prefixed(name: str, lines: list[str], width: int) -> list[str]:
    """Lines of one log among those of others.

    >>> prefixed("redis", ["ready"], 8)
    ['redis    | ready']
    """
    return [f"{name:<{width}} | {line}" for line in lines]


def width_of(names: Mapping[str, Path]) -> int:
    """Columns for the longest of these names."""
    return max(map(len, names), default=0)
