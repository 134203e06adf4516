"""Ports of this package: a store of states, a store of feature rows, and features that other teams own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from schemas.ids import UserId


class Origin(Struct, frozen=True):
    """The log that the applied offsets of a source belong to: the topic's id, empty where the broker has none, and how
    often its offsets restarted, because the topic was recreated or truncated.
    """

    topic_id: str
    generation: int = 0


class Lease(Struct, frozen=True):
    """The right to write a partition: its epoch, the last applied offset of each source topic, and its log."""

    epoch: int
    applied: dict[str, int]
    origins: dict[str, Origin] = {}


class Write(Struct, frozen=True, kw_only=True):
    """States of one partition together with the offsets that they reflect: written as a whole or not at all.

    `expected` are offsets that the writer has stored before, so that the store must hold them still. The offsets of a
    source that `origins` names restart: they may be lower than the stored ones.
    """

    scope: str
    partition: int
    epoch: int
    states: dict[str, bytes]
    applied: dict[str, int]
    expected: dict[str, int] = {}
    origins: dict[str, Origin] = {}


class StateStore(Protocol):
    """States by scope (``people``, ``items``), partition and key, written with their offsets and fenced by epochs.

    Every method may block for a round trip, may be called twice, and raises `StoreUnavailable` if the store does not
    answer; nothing was written then.
    """

    def lease(self, scope: str, partition: int) -> Lease:
        """Lease the partition: its epoch grows, and the previous lease holder can no longer write."""
        ...

    def applied(self, scope: str, partition: int) -> dict[str, int]:
        """Return the last applied offset of each source, without leasing anything."""
        ...

    def origins(self, scope: str, partition: int) -> dict[str, Origin]:
        """Return the log that the applied offsets of each source belong to, where it was recorded."""
        ...

    def load(self, scope: str, partition: int, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the states of those keys that have one."""
        ...

    def save(self, write: Write) -> None:
        """Write states and offsets atomically.

        Raises:
            Fenced: another worker leased the partition, or it holds a later offset already.
            StoreRewound: the store lost the partition, or holds less than the `expected` offsets.
        """
        ...

    def visit_later(self, scope: str, partition: int, visits: dict[str, float]) -> None:
        """Schedule a visit of each key (event time), in place of the one that was scheduled before.

        Not part of `save`: a visit with nothing to do is harmless.
        """
        ...

    def due(self, scope: str, partition: int, until: float, limit: int) -> list[str]:
        """Return the keys to visit by this time, the longest due first, at most `limit`; they stay scheduled."""
        ...

    def visited(self, scope: str, partition: int, keys: Sequence[str]) -> None:
        """Remove the visits of these keys: they are not due until scheduled again."""
        ...

    def scan(self, scope: str, partition: int) -> Iterator[tuple[str, bytes]]:
        """Return every key and state of the partition, in no order."""
        ...

    def replace(
        self,
        scope: str,
        partition: int,
        states: dict[str, bytes],
        applied: dict[str, int],
        origins: dict[str, Origin] | None = None,
    ) -> None:
        """Replace all states and offsets of the partition by these; its epoch grows.

        Without `origins` the recorded ones stay.
        """
        ...


class ExternalFeatures(Protocol):
    """Features that other teams own, by user. May block; leaves out users without a row."""

    def read(self, users: Sequence[str]) -> dict[str, dict[str, float]]:
        """Return the features of each user, by the name of the `External` row."""
        ...


class FeatureRow(Struct, frozen=True):
    """One row of a feature view: its entity (key by name), its time, and the values by feature name."""

    view: str
    entity: dict[str, str]
    at: float
    values: dict[str, float]


class OfflineSize(Struct, frozen=True):
    """A view's files and bytes off-line, and since when the oldest of several files waits to be merged."""

    files: int
    size: int
    waiting_since: float | None


class FeatureStore(Protocol):
    """A store of feature rows: on-line for serving, off-line for training. Writing a row twice changes nothing."""

    def write(self, rows: Sequence[FeatureRow], *, now: float) -> None:
        """Write rows on-line and append them to the off-line log, to the day of `now`."""
        ...

    def compact(self, now: float) -> dict[str, OfflineSize]:
        """Do a part of what is due in the off-line log, in 0.2 s at most; return what is known of each view."""
        ...

    def erase(self, users: Collection[UserId]) -> None:
        """Remove all rows of these users, on-line and off-line, other teams' on-line rows too."""
        ...

    def online(self, view: str, entities: Sequence[dict[str, str]]) -> list[dict[str, float | None]]:
        """Return the newest values of each entity, in the given order; none where there is no row."""
        ...
