"""Small stand-ins that tests of several processes share."""

from __future__ import annotations

from collections.abc import Sequence

from features.memory_state import MemoryStateStore
from features.ports import Write
from schemas.errors import StoreUnavailable
from streams.log.records import Message


class Shelf:
    """A publisher that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def post(self, messages: Sequence[Message]) -> Shelf:
        self.messages += messages
        return self

    def wait(self) -> None:
        """Return at once: all messages are acknowledged."""

    def publish(self, messages: Sequence[Message]) -> None:
        self.post(messages)


class FlakyStore(MemoryStateStore):
    """A store that is away for its first writes."""

    def __init__(self, fails: int = 0) -> None:
        super().__init__()
        self.fails = fails

    def save(self, write: Write) -> None:
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("away")
        super().save(write)
