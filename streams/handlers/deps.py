"""What handlers work with, chosen by the wiring and handed in: one value, no globals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from features.item_table import ItemTable
from features.ports import ExternalFeatures
from inference.recommender import Recommender
from streams.log.in_flight import InFlight
from streams.log.records import Message
from streams.worker.stream_clock import StreamClock

AHEAD_SECONDS = 300.0
"""How far an event's time may be ahead of its record's, and of the stream's: clocks differ."""


@dataclass(frozen=True)
class Options:
    """What the settings say about handling: see `deploy.settings`, sections `ranking` and `worker`."""

    person_partitions: int = 4
    item_partitions: int = 4
    expires: Literal["learn", "fixed"] = "learn"
    expires_seconds: float = 3_600.0
    expires_at_most_seconds: float = 7 * 86_400.0
    prequential_rate: float = 1.0
    prequential_per_batch: int = 4


@dataclass(frozen=True)
class Deps:
    """The tables that every worker keeps, the recommender over them, and the wall clock.

    The clock serves expiry and latency alone; whatever is believed about a person follows event time.
    """

    table: ItemTable
    recommender: Recommender
    clock: Callable[[], float]
    options: Options = Options()
    external: ExternalFeatures | None = None
    load_weights: Callable[[str], None] | None = None
    """Called with the URI of promoted weights: the numpy twin follows the served model."""
    stream: StreamClock = field(default_factory=StreamClock)
    letters: Callable[[Sequence[Message]], None] = lambda messages: None
    """Publishes dead letters about what only this process knows: table records that ended it."""
    in_flight: InFlight = field(default_factory=InFlight)
    """What this process handles now, and which records ended it before."""

    @property
    def stream_now(self) -> float:
        """The time that the stream has reached (event time): what availability and the default list follow."""
        return self.stream.now(self.clock(), newest_known=self.table.newest_at)

    def shown_at(self, at: float) -> float:
        """As of when a list that answers an event of this time is shown: not before the stream's time, and not further
        ahead of it than clocks differ.
        """
        now = self.stream_now
        return max(now, min(at, now + AHEAD_SECONDS))

    @property
    def list_ttl(self) -> float:
        """For how many seconds a person's list holds, from when its events came in."""
        options = self.options
        if options.expires == "fixed":
            return options.expires_seconds
        return min(self.recommender.list_ttl or options.expires_seconds, options.expires_at_most_seconds)
