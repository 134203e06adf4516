"""What could not be used, with the reason: the `dead-letters` topic. Nothing of the original is lost."""

from __future__ import annotations

from typing import Literal

from schemas.errors import ReasonCode
from schemas.record import Record

Handled = Literal["open", "replayed", "dismissed"]


class DeadLetter(Record, frozen=True, kw_only=True):
    """A record as it came (key, value and headers are the original bytes), where it was, and why it is here.

    `state` is what was done about it. A later record with the same id and another state is a mark: it says so of the
    letter before it, and holds nothing of the original.
    """

    dead_letter_id: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    reason: ReasonCode
    message: str
    wall_time: float
    state: Handled = "open"


class Stray(Record, frozen=True, kw_only=True):
    """A person's record that came with the wrong key or partition, sent on to its owner: the `strays` topic."""

    topic: str
    partition: int
    offset: int
    value: bytes
