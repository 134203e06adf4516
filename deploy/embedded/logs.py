"""Reads the logs of a stack: their last lines, and new ones as they are written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

READ_BYTES = 65_536


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last `count` lines, reading no more than those; empty if the file does not exist."""
    if not path.is_file() or count <= 0:
        return []
    with path.open("rb") as file:
        offset, tail = file.seek(0, os.SEEK_END), b""
        while offset > 0 and tail.count(b"\n") <= count:
            step = min(READ_BYTES, offset)
            offset -= step
            file.seek(offset)
            tail = file.read(step) + tail
    return tail.decode(errors="replace").splitlines()[-count:]


class FollowedLog:
    """A log that is read as it grows, from its end; a rotated or truncated one is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file, self._offset = self._stat()
        self._partial_line = b""

    def new_lines(self) -> list[str]:
        """Return the complete lines written since the last call; does not block."""
        file, size = self._stat()
        if file != self._file or size < self._offset:
            self._file, self._offset, self._partial_line = file, 0, b""
        if size == self._offset:
            return []
        with self.path.open("rb") as log:
            log.seek(self._offset)
            written = log.read(size - self._offset)
        self._offset += len(written)
        *lines, self._partial_line = (self._partial_line + written).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _stat(self) -> tuple[int, int]:
        """Return the file's inode and size in bytes; zeros if it does not exist."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return stat.st_ino, stat.st_size


def prefixed(name: str, lines: list[str], width: int) -> list[str]:
    """Return lines prefixed with the name of their log.

    >>> prefixed("redis", ["ready"], 8)
    ['redis    | ready']
    """
    return [f"{name:<{width}} | {line}" for line in lines]


def width_of(names: Mapping[str, Path]) -> int:
    """Return the length of the longest name."""
    return max(map(len, names), default=0)
