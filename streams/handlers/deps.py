"""The dependencies of handlers: one value that the wiring builds, no globals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Literal

from agents.planning.triggers import ALL_TRIGGERS
from features.ports import ExternalFeatures
from inference.items.table import ItemTable
from inference.recommender import Recommender
from schemas.plans import TriggerName
from streams.log.in_flight import InFlight
from streams.log.records import Message
from streams.state.crowd_watch import CrowdWatch
from streams.state.item_catalogue import ItemCatalogue
from streams.state.stream_clock import StreamClock

CLOCK_SKEW_SECONDS = 300.0
"""How far an event's time may be ahead of its record's, and of the stream's."""


@dataclass(frozen=True)
class Options:
    """The settings that handlers see: `deploy.settings`, sections `ranking`, `worker` and `agents`."""

    person_partitions: int = 4
    item_partitions: int = 4
    expires: Literal["learn", "fixed"] = "learn"
    expires_seconds: float = 3_600.0
    expires_at_most_seconds: float = 7 * 86_400.0
    prequential_rate: float = 1.0
    prequential_per_batch: int = 4
    overload_seconds: float = inf
    triggers: tuple[TriggerName, ...] = ALL_TRIGGERS


@dataclass(frozen=True)
class Deps:
    """The item table of a worker, the recommender that reads it, and the wall clock.

    The clock serves expiry and latency alone: the state of a user follows event time.
    """

    table: ItemTable
    recommender: Recommender
    clock: Callable[[], float]
    options: Options = Options()
    external: ExternalFeatures | None = None
    load_weights: Callable[[str], None] | None = None
    """Loads the weights of a URI into the local ranker, so that it follows the served model."""
    stream: StreamClock = field(default_factory=StreamClock)
    crowds: CrowdWatch = field(default_factory=CrowdWatch)
    letters: Callable[[Sequence[Message]], None] = lambda messages: None
    """Publishes dead letters about table records that ended this process: no other process knows of them."""
    in_flight: InFlight = field(default_factory=InFlight)
    """The records that this process handles now, and those that ended it before."""

    @cached_property
    def catalogue(self) -> ItemCatalogue:
        """The item table as agents read it."""
        return ItemCatalogue(self.table)

    @property
    def stream_now(self) -> float:
        """Return the event time that the stream has reached: availability and the non-personalised list follow it."""
        return self.stream.now(self.clock(), newest_known=self.table.newest_at)

    def shown_at(self, at: float) -> float:
        """Return the event time as of which a list is shown that answers an event of time `at`.

        It is not before the stream's time, and at most `CLOCK_SKEW_SECONDS` ahead of it.
        """
        now = self.stream_now
        return max(now, min(at, now + CLOCK_SKEW_SECONDS))

    @property
    def list_ttl(self) -> float:
        """Return the list time-to-live in seconds, counted from when its events were received."""
        options = self.options
        if options.expires == "fixed":
            return options.expires_seconds
        return min(self.recommender.list_ttl or options.expires_seconds, options.expires_at_most_seconds)
