"""`strays`: a record came with a wrong key. The worker that owns its user applies it as what it was sent as."""

from __future__ import annotations

from typing import Any

from schemas.codec import decode
from schemas.dead_letters import MisroutedRecord
from schemas.errors import DecodeError
from schemas.topics import PERSON_TOPICS


def open_misrouted(misrouted: MisroutedRecord, *, now: float) -> Any:
    """Return the event inside a misrouted record, decoded as of `now`: its own topic's handler applies it.

    Raises:
        DecodeError: it holds nothing that can be used.
    """
    if misrouted.topic not in PERSON_TOPICS:
        raise DecodeError("unknown-topic", f"a misrouted record of {misrouted.topic!r} names no user")
    return decode(misrouted.topic, misrouted.value, now=now)
