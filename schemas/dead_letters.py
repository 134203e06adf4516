"""Records that could not be processed, with the reason: the `dead-letters` topic.

A dead letter holds the original bytes, so that it can be replayed, up to `LARGEST_ORIGINAL` of them. Of a larger record
it holds the beginning, with the size and the SHA-256 of the whole: the source topic has the rest, at the same offset.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import BROKER_RECORD_BYTES, Label, WholeNumber
from schemas.errors import ReasonCode
from schemas.record import Record

LARGEST_ORIGINAL = BROKER_RECORD_BYTES
"""Bytes of key, value and headers together."""
BEGINNING = 64_000
"""Bytes that are kept of the value, and of the key, of a record that is too large."""

Handled = Literal["open", "replayed", "dismissed"]


class DeadLetter(Record, frozen=True, kw_only=True):
    """A record as it arrived (key, value and headers are the original bytes), its topic and offset, and the reason.

    `state` says what was done about it. A later dead letter with the same id only updates the state of the earlier one,
    and holds nothing of the original.

    `truncated`: the record was too large, and only its beginning is kept, without headers; `size` is the number of
    bytes of the whole value, and `sha256` their hash, both set for a truncated record alone.
    """

    dead_letter_id: Label
    topic: Label
    partition: WholeNumber
    offset: WholeNumber
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    reason: ReasonCode
    message: Annotated[str, Meta(max_length=2_000)]
    wall_time: float
    truncated: bool = False
    size: WholeNumber | None = None
    sha256: Label = ""
    state: Handled = "open"


class MisroutedRecord(Record, frozen=True, kw_only=True):
    """A user's record that arrived with the wrong key or partition, forwarded to its owner: the `strays` topic."""

    topic: Label
    partition: WholeNumber
    offset: WholeNumber
    value: bytes
