"""A record as it comes from a topic, and a message as it goes to one; nothing of any client library."""

from __future__ import annotations

from msgspec import Struct

from schemas.record import Record


class Inbound(Struct, frozen=True, kw_only=True):
    """A record as it was read: bytes, where it was, and when it was produced (wall clock, seconds).

    `generation` is how often the offsets of its source had begun anew (`streams.state.positions`).
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
        """The topic's name, told apart from the same topic before its offsets began anew.

        >>> from msgspec.structs import replace
        >>> at = Inbound(topic="strays", partition=0, offset=1, key=None, value=None, timestamp=0.0)
        >>> at.log, replace(at, generation=2).log
        ('strays', 'strays~2')
        """
        return f"{self.topic}~{self.generation}" if self.generation else self.topic


class Message(Struct, frozen=True):
    """A record to be produced. `owner` is what decides the partition where that is not the key itself."""

    topic: str
    key: str | None
    value: Record | None
    owner: str | None = None


class Source(Struct, frozen=True):
    """Which record caused something: ids of messages are made from it, so that they are the same when made again.

    `topic` is the record's `log`: offsets that began anew give other ids.
    """

    topic: str
    partition: int
    offset: int
    timestamp: float

    @property
    def name(self) -> str:
        """The source partition, as it stands in `applied` offsets.

        >>> Source("interactions", 3, 812, 0.0).name
        'interactions-3'
        """
        return f"{self.topic}-{self.partition}"
