"""What features need from outside: a store of states, and features that other teams own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct


class Origin(Struct, frozen=True):
    """Which log the applied offsets of a source count in: the topic's id, empty where the broker gives none, and how
    often offsets began anew, because the topic was made again or was cut.
    """

    topic_id: str
    generation: int = 0


class Lease(Struct, frozen=True):
    """Ownership of a partition: its epoch, the last offset applied of each source topic, and which log that is in."""

    epoch: int
    applied: dict[str, int]
    origins: dict[str, Origin] = {}


class Write(Struct, frozen=True, kw_only=True):
    """States of one partition together with the offsets that they reflect: all of it or nothing.

    `known` are offsets that the writer knows to be stored. The offsets of a source that `origins` names begin anew:
    they may be lower than what is stored.
    """

    scope: str
    partition: int
    epoch: int
    states: dict[str, bytes]
    applied: dict[str, int]
    known: dict[str, int] = {}
    origins: dict[str, Origin] = {}


class StateStore(Protocol):
    """States by scope (``people``, ``items``), partition and key, written with their offsets and fenced by epochs.

    Every method may block for a round trip, may be called twice, and raises `StoreUnavailable` if the store does not
    answer; nothing was written then.
    """

    def lease(self, scope: str, partition: int) -> Lease:
        """Take the partition over: its epoch grows, and who held it before can no longer write."""
        ...

    def applied(self, scope: str, partition: int) -> dict[str, int]:
        """The last offset applied of each source, without claiming anything."""
        ...

    def origins(self, scope: str, partition: int) -> dict[str, Origin]:
        """Which log the applied offsets of each source count in, as far as it was noted."""
        ...

    def load(self, scope: str, partition: int, keys: Sequence[str]) -> dict[str, bytes]:
        """The states of those keys that have one."""
        ...

    def save(self, write: Write) -> None:
        """Write states and offsets atomically.

        Raises:
            Fenced: the partition was claimed by somebody else, or holds a later offset already.
            StoreWentBack: the store lost the partition, or holds less than the `known` offsets.
        """
        ...

    def visit_later(self, scope: str, partition: int, visits: dict[str, float]) -> None:
        """Note when each key is to be visited (event time), in place of what was noted for it before.

        Not part of `save`: a visit for which there is nothing to do costs nothing but itself.
        """
        ...

    def due(self, scope: str, partition: int, until: float, limit: int) -> list[str]:
        """The keys to be visited by this time, the longest due first, at most so many; they stay noted."""
        ...

    def visited(self, scope: str, partition: int, keys: Sequence[str]) -> None:
        """These keys have been visited: they are due no more, until noted again."""
        ...

    def scan(self, scope: str, partition: int) -> Iterator[tuple[str, bytes]]:
        """Every key and state of the partition, in no order."""
        ...

    def replace(
        self,
        scope: str,
        partition: int,
        states: dict[str, bytes],
        applied: dict[str, int],
        origins: dict[str, Origin] | None = None,
    ) -> None:
        """Put these states and offsets in the place of all that the partition held; its epoch grows.

        Without `origins` those that are noted stay.
        """
        ...


class ExternalFeatures(Protocol):
    """Features that other teams own, by user. May block; answers for people without a row by leaving them out."""

    def read(self, users: Sequence[str]) -> dict[str, dict[str, float]]:
        """The features of each user, by the name of the `External` row."""
        ...


class FeatureRow(Struct, frozen=True):
    """One row for a feature view: whose (entity key by name), when, and the values by feature name."""

    view: str
    entity: dict[str, str]
    at: float
    values: dict[str, float]


class FeatureStore(Protocol):
    """Where feature rows go: on-line for readers now, off-line for training. Writing a row twice changes nothing."""

    def write(self, rows: Sequence[FeatureRow], *, log_name: str) -> None:
        """Write rows on-line and append them to the off-line log under this name (the same name replaces it)."""
        ...

    def online(self, view: str, entities: Sequence[dict[str, str]]) -> list[dict[str, float | None]]:
        """The newest values of each entity, in the order asked; none where there is no row."""
        ...
