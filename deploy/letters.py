"""Dead letters with their current state: marks that change a letter's state are records of the same topic."""

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
    """Yield the letters among these records; skip and log records that are not letters."""
    for record in records:
        try:
            letter: DeadLetter = decode(DEAD_LETTERS, record.value, now=now)
        except DecodeError as exc:
            logger.warning("%s-%d@%d is not a dead letter: %s", record.topic, record.partition, record.offset, exc)
        else:
            yield letter


def folded(records: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Return letters in order, each once, in the state of its newest mark.

    A crash may publish a letter twice under its id: the first one counts, and it stays marked. A mark whose letter has
    been deleted from the log is skipped.
    """
    letters: dict[str, DeadLetter] = {}
    for record in records:
        letter = letters.get(record.dead_letter_id)
        if record.state == "open":
            letters.setdefault(record.dead_letter_id, record)
        elif letter is not None:
            letters[record.dead_letter_id] = replace(letter, state=record.state)
    return list(letters.values())


def mark_of(letter: DeadLetter, state: Handled, *, now: float) -> DeadLetter:
    """Return the mark that sets a letter's state."""
    return replace(letter, key=None, value=None, headers=(), state=state, wall_time=now)
