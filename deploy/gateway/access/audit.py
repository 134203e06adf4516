"""The audit log: who read or changed what of whom, when, and with what result. One JSON object per line.

It never holds a key, a token or the content of a message. Entries are written by a thread of its own; while the disk is
too slow, those beyond `MAX_AUDIT_QUEUE` are dropped and counted, for requests never wait for it.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Event, Thread
from typing import Literal

import msgspec
from msgspec import Struct

from deploy.gateway.limits import MAX_AUDIT_QUEUE
from deploy.printable import printable_json

logger = logging.getLogger(__name__)
AUDIT_FILE = "gateway-audit.jsonl"
Audited = Literal["off", "people", "all"]
"""Whether requests are audited: not at all, all but those for lists, or all."""


WRITE_EVERY_SECONDS = 0.2
BATCH = 1_000

_encode = msgspec.json.Encoder().encode


class AuditEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request. `key` is the id of the key, or of the one that issued the token of `user`; empty where none was valid.

    `of` are the ids of the users or items that were read or changed, at most 20; `count` is how many there were.
    """

    time: float
    key: str
    application: str = ""
    tenant: str = ""
    user: str = ""
    address: str = ""
    action: str
    of: tuple[str, ...] = ()
    count: int = 0
    status: int
    reason: str = ""


class AuditLog:
    """Writes entries to a file of mode 0600 that is rotated: `files` of `megabytes` each are kept, the newest ones."""

    def __init__(self, path: Path, *, megabytes: float, files: int, dropped: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._bytes = int(megabytes * 1e6)
        self._files = files
        self._dropped = dropped
        self._waiting: deque[AuditEntry] = deque()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        """Begin to write. Call once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def put(self, entry: AuditEntry) -> None:
        """Have an entry written within a fraction of a second; does not block, and wakes no thread."""
        if len(self._waiting) < MAX_AUDIT_QUEUE:
            self._waiting.append(entry)
        else:
            self._dropped()

    def close(self, within: float) -> bool:
        """Write what waits, then end; block, and return whether the thread ended within these seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        file = PrivateFile(self._path, maxBytes=self._bytes, backupCount=self._files - 1, encoding="utf-8")
        try:
            while not self._stopping.wait(WRITE_EVERY_SECONDS):
                self._write(file)
            self._write(file)
        finally:
            file.close()

    def _write(self, file: PrivateFile) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            lost = file.write_lines([printable_json(_encode(entry).decode()) for entry in batch])
            for _ in range(lost):
                self._dropped()


class PrivateFile(RotatingFileHandler):
    """A rotated file that only its owner can read. What a full disk has no room for is lost, which is logged once for
    each time that it is full.
    """

    _failed = False

    def _open(self) -> TextIOWrapper:
        """Open the file, with mode 0600."""
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding)

    def write_lines(self, lines: list[str]) -> int:
        """Append lines, in as many files as they take; return how many of them are lost."""
        left = len(lines)
        try:
            stream = self.stream = self.stream or self._open()
            size = stream.tell()
            for line in lines:
                length = len(line.encode()) + 1
                if size + length > self.maxBytes:
                    self.doRollover()
                    stream = self.stream = self.stream or self._open()
                    size = 0
                stream.write(line + "\n")
                stream.flush()
                size, left = size + length, left - 1
        except OSError as exc:
            if not self._failed:
                logger.error("the audit log %r cannot be written: %s", self.baseFilename, exc.strerror)
            self._failed = True
            self.close()
        else:
            self._failed = False
        return left
