"""The audit log: who read or changed what of whom, when, and with what result. One JSON object per line.

It never holds a key, a token or the content of a message. Entries are written by a thread of its own; while the disk is
too slow, those beyond `MAX_AUDIT_QUEUE` are dropped and counted, for requests never wait for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Literal

import msgspec
from msgspec import Struct

from deploy.gateway.limits import MAX_AUDIT_QUEUE
from deploy.printable import printable_json

logger = logging.getLogger(__name__)
AUDIT_FILE = "gateway-audit.jsonl"
Audited = Literal["off", "people", "all"]
"""Whether requests are audited: not at all, all but those for lists, or all."""


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
        self._queue: Queue[AuditEntry | None] = Queue(MAX_AUDIT_QUEUE)
        self._thread = Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        """Begin to write. Call once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def put(self, entry: AuditEntry) -> None:
        """Have an entry written; does not block."""
        try:
            self._queue.put_nowait(entry)
        except Full:
            self._dropped()

    def close(self, within: float) -> bool:
        """Write what waits, then end; block, and return whether the thread ended within these seconds."""
        if not self._thread.is_alive():
            return True
        try:
            self._queue.put(None, timeout=within)
        except Full:
            return False
        self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        file = _PrivateFile(self._path, maxBytes=self._bytes, backupCount=self._files - 1, encoding="utf-8")
        try:
            entry = self._queue.get()
            while entry is not None:
                file.write_line(printable_json(msgspec.json.encode(entry).decode()))
                entry = self._queue.get()
        finally:
            file.close()


class _PrivateFile(RotatingFileHandler):
    """A rotated file that only its owner can read. What a full disk loses is logged once."""

    _failed = False

    def _open(self) -> TextIOWrapper:
        """Open the file, with mode 0600."""
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding)

    def write_line(self, line: str) -> None:
        self.emit(logging.LogRecord("audit", logging.INFO, "", 0, line, None, None))

    def handleError(self, record: logging.LogRecord) -> None:
        """Log that a line was lost; the base class would print a traceback for each."""
        if not self._failed:
            logger.error("the audit log %r cannot be written", self.baseFilename)
        self._failed = True
