"""What could not be used, with the reason: the `dead-letters` topic.

A letter holds the original bytes, so that it can be replayed, up to `LARGEST_ORIGINAL` of them. Of a larger record it
holds the beginning, with the size and the SHA-256 of the whole: the log at its offset has the rest.
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
"""Bytes that are kept of a value, and of a key, that are too large together."""

Handled = Literal["open", "replayed", "dismissed"]


class DeadLetter(Record, frozen=True, kw_only=True):
    """A record as it came (key, value and headers are the original bytes), where it was, and why it is here.

    `state` is what was done about it. A later record with the same id and another state is a mark: it says so of the
    letter before it, and holds nothing of the original.

    `truncated`: the record was too large, and what is here is its beginning, without headers; `size` is the number of
    bytes of its value, and `sha256` their hash, both given for a truncated record alone.
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
    """A person's record that came with the wrong key or partition, sent on to its owner: the `strays` topic."""

    topic: Label
    partition: WholeNumber
    offset: WholeNumber
    value: bytes
