"""Records read from topics and messages produced to them, independent of any client library."""

from __future__ import annotations

from msgspec import Struct

from schemas.record import Record


class Inbound(Struct, frozen=True, kw_only=True):
    """A record as read: key and value bytes, its position, and when it was produced (wall clock, seconds).

    `generation` counts how often the offsets of its source had begun anew (`streams.state.positions`).
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: float
    headers: tuple[tuple[str, bytes | None], ...] = ()
    generation: int = 0

    @property
    def log(self) -> str:
        """Return the topic's name with its generation: after offsets began anew the log is another one.

        >>> from msgspec.structs import replace
        >>> at = Inbound(topic="strays", partition=0, offset=1, key=None, value=None, timestamp=0.0)
        >>> at.log, replace(at, generation=2).log
        ('strays', 'strays~2')
        """
        return f"{self.topic}~{self.generation}" if self.generation else self.topic


class Message(Struct, frozen=True):
    """A record to produce. `owner` decides the partition where the key does not."""

    topic: str
    key: str | None
    value: Record | None
    owner: str | None = None


class RecordSource(Struct, frozen=True):
    """The record that caused a message: message ids are derived from it, so that a second attempt gives the same ids.

    `topic` is the record's `log`: after offsets began anew, ids are other ones. `is_ahead`: its event was dated further
    ahead of the record than clocks differ.
    """

    topic: str
    partition: int
    offset: int
    timestamp: float
    is_ahead: bool = False

    @property
    def name(self) -> str:
        """Return the name of the source partition, as in `applied` offsets.

        >>> RecordSource("interactions", 3, 812, 0.0).name
        'interactions-3'
        """
        return f"{self.topic}-{self.partition}"
