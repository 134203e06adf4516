"""The audit of a language model: what was sent because of whom, and what was answered. One JSON object per line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from agents.llm.conversation import SentEntry
from deploy.gateway.access.audit import PrivateFile
from deploy.printable import printable_json

SENT_FILE = "planner-sent.jsonl"


class SentFile:
    """An `agents.llm.conversation.SentLog` in a file of mode 0600 that is rotated: `files` of `megabytes` each."""

    def __init__(self, path: Path, *, megabytes: float, files: int, clock: Callable[[], float]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = PrivateFile(
            path, maxBytes=int(megabytes * 1e6), backupCount=files - 1, encoding="utf-8", delay=True
        )
        self._clock = clock

    def put(self, entry: SentEntry) -> None:
        """See `agents.llm.conversation.SentLog`."""
        line = {"time": self._clock(), **msgspec.to_builtins(entry)}
        self._file.write_lines([printable_json(msgspec.json.encode(line).decode())])

    def close(self) -> None:
        """Close the file."""
        self._file.close()
