"""Keeps what keys have used of their day's quota across restarts: a small file, written beside the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import msgspec
from msgspec import Struct

from deploy.private_files import write_private

logger = logging.getLogger(__name__)
QUOTA_FILE = "gateway-quotas.json"
SAVE_SECONDS = 5.0


class DayUsage(Struct, frozen=True):
    """Values that keys have used on a day since 1970 (UTC), by the key's id; only of keys with a quota."""

    day: int = 0
    used: dict[str, int] = {}


class QuotaFile:
    """Saves usage every `SAVE_SECONDS`, where it has changed: a crash forgets no more than that."""

    def __init__(self, path: Path, usage: Callable[[], DayUsage]) -> None:
        self._path = path
        self._usage = usage
        self._saved = DayUsage()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="quotas", daemon=True)

    def start(self) -> None:
        """Begin to save. Call once."""
        self._thread.start()

    def close(self, within: float) -> None:
        """Save once more, then end; block until then, at most these seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within)

    def _run(self) -> None:
        while not self._stopping.wait(SAVE_SECONDS):
            self._save()
        self._save()

    def _save(self) -> None:
        usage = self._usage()
        if usage == self._saved or not usage.used:
            return
        try:
            write_private(self._path, msgspec.json.encode(usage).decode())
        except OSError as exc:
            logger.error("what keys have used today cannot be saved in %r: %s", str(self._path), exc.strerror)
        self._saved = usage


def read_usage(path: Path) -> DayUsage:
    """Return the saved usage; none where there is no file or it holds something else, which is logged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=DayUsage)
    except FileNotFoundError:
        return DayUsage()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
        logger.warning("%r is not read, and today's quotas begin anew: %s", str(path), exc)
        return DayUsage()
