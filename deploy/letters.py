"""Dead letters with what was done about them, as the log tells: marks are records of the same topic."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from schemas.codec import decode
from schemas.dead_letters import DeadLetter, Handled
from schemas.errors import DecodeError
from schemas.topics import DEAD_LETTERS
from streams.log.records import Inbound

logger = logging.getLogger(__name__)


def readable(records: Iterable[Inbound], *, now: float) -> Iterator[DeadLetter]:
    """The letters among these records; what somebody else has put into the topic is passed over, and logged."""
    for record in records:
        try:
            letter: DeadLetter = decode(DEAD_LETTERS, record.value, now=now)
        except DecodeError as exc:
            logger.warning("%s-%d@%d is no dead letter: %s", record.topic, record.partition, record.offset, exc)
        else:
            yield letter


def folded(records: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Letters in their order, each once, in the state that its newest mark gave it.

    A crash may have published a letter again under its id: the first one counts, and it stays marked. A mark whose
    letter has left the log is passed over.
    """
    letters: dict[str, DeadLetter] = {}
    for record in records:
        known = letters.get(record.dead_letter_id)
        if record.state == "open":
            letters.setdefault(record.dead_letter_id, record)
        elif known is not None:
            letters[record.dead_letter_id] = replace(known, state=record.state)
    return list(letters.values())


def mark_of(letter: DeadLetter, state: Handled, *, now: float) -> DeadLetter:
    """The record that says of a letter what was done about it."""
    return replace(letter, key=None, value=None, headers=(), state=state, wall_time=now)
