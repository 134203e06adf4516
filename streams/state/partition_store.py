"""The partition store: leases on the partitions of a scope, applied offsets, and a cache of user records."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from features.ports import Lease, Origin, StateStore, Write
from schemas.errors import Fenced
from schemas.ids import UserId
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from streams.outcomes.batch_outcome import BatchOutcome
from streams.state.user_record import UserRecord, new_user, unpack

PEOPLE = "people"
PROJECTED_PEOPLE = "people-projected"
"""What Flink has stored of users, for readers alone: no worker goes on from it, so it has no offsets."""
ITEMS = "items"
CACHED_USERS = 20_000


class PartitionStore:
    """The partitions of one scope that this process has leased: applied offsets, a bounded cache of user records."""

    def __init__(self, store: StateStore, *, scope: str, partitions: int) -> None:
        self.store = store
        self.scope = scope
        self.partitions = partitions
        self._leases: dict[int, Lease] = {}
        self._cache: OrderedDict[str, UserRecord] = OrderedDict()
        self.saved: dict[int, dict[str, int]] = {}
        """By partition, the offsets that are stored as far as this owner has read or written them."""

    def assign(self, partitions: Iterable[int]) -> None:
        """Lease exactly these partitions: new ones are leased, lost ones and the whole cache are dropped.

        Raises:
            StoreUnavailable: call again; the leases so far are kept.
        """
        assigned = set(partitions)
        self._cache.clear()
        for lost in set(self._leases) - assigned:
            del self._leases[lost]
        for partition in sorted(assigned - set(self._leases)):
            lease = self._leases[partition] = self.store.lease(self.scope, partition)
            self._note(partition, lease.applied)

    def release(self) -> None:
        """Drop all leases: the next `assign` leases anew."""
        self._leases.clear()
        self._cache.clear()

    @property
    def assigned(self) -> frozenset[int]:
        """The partitions that are leased now."""
        return frozenset(self._leases)

    def applied(self, partition: int) -> dict[str, int]:
        """Return the last applied offset by source partition (`topic-partition`)."""
        lease = self._leases.get(partition)
        return lease.applied if lease else {}

    def origin(self, partition: int, source: str) -> Origin | None:
        """Return the log in which the applied offset of a source counts, if it is noted."""
        lease = self._leases.get(partition)
        return lease.origins.get(source) if lease else None

    def named(self, record: Inbound) -> Inbound:
        """Return the record with the generation of its source."""
        origin = self.origin(record.partition, f"{record.topic}-{record.partition}")
        return replace(record, generation=origin.generation) if origin and origin.generation else record

    def is_new(self, record: Inbound) -> bool:
        """Return whether the record's partition is leased and the record not applied yet."""
        lease = self._leases.get(record.partition)
        return lease is not None and record.offset > lease.applied.get(f"{record.topic}-{record.partition}", -1)

    def load(self, users: Iterable[UserId]) -> dict[str, UserRecord]:
        """Return the user records by id, from the cache or the store; a user without a state is new."""
        records: dict[str, UserRecord] = {}
        missing: dict[int, list[UserId]] = {}
        for user in users:
            cached = self._cache.get(user)
            if cached is not None:
                records[user] = cached
            else:
                missing.setdefault(partition_of(user, self.partitions), []).append(user)
        for partition, uncached in missing.items():
            states = self.store.load(self.scope, partition, uncached)
            for user in uncached:
                records[user] = unpack(states[user]) if user in states else new_user(user)
        return records

    def write(self, partition: int, states: dict[str, bytes], applied: dict[str, int]) -> Write:
        """Return the write of states and offsets of one partition, with the epoch of its lease.

        Raises:
            Fenced: the partition is not leased any more.
        """
        return Write(
            scope=self.scope,
            partition=partition,
            epoch=self._lease(partition).epoch,
            states=states,
            applied=applied,
        )

    def store_outcome(self, outcome: BatchOutcome) -> None:
        """Save an outcome, then keep it: see both."""
        self.save(outcome)
        self.keep(outcome)

    def save(self, outcome: BatchOutcome) -> None:
        """Write an outcome's states with their offsets. Changes nothing but the store: any thread may call it.

        Raises:
            Fenced: another worker has leased one of the partitions; the others may be written.
            StoreRewound: the store holds less than this owner has written.
            StoreUnavailable: call again with the same outcome.
        """
        for write in outcome.writes:
            if write.partition in outcome.visits:
                self.store.visit_later(self.scope, write.partition, outcome.visits[write.partition])
            self.store.save(replace(write, expected=self.saved.get(write.partition, {})))
            self._note(write.partition, write.applied)

    def begin_anew(self, partition: int, source: str, origin: Origin, applied: int | None) -> None:
        """Store in which log a source's offsets count from now on, and the last applied one, if it changes.

        Raises:
            Fenced: another worker has leased the partition.
            StoreUnavailable: call again.
        """
        offsets = {} if applied is None else {source: applied}
        write = self.write(partition, {}, offsets)
        self.store.save(replace(write, expected=self.saved.get(partition, {}), origins={source: origin}))
        lease = self._lease(partition)
        self._leases[partition] = Lease(lease.epoch, {**lease.applied, **offsets}, {**lease.origins, source: origin})
        self.saved[partition] = {**self.saved.get(partition, {}), **offsets}

    def keep(self, outcome: BatchOutcome) -> None:
        """Cache an outcome's user records and count its source records as applied.

        Raises:
            Fenced: a partition is not leased any more.
        """
        for write in outcome.writes:
            lease = self._lease(write.partition)
            self._leases[write.partition] = Lease(lease.epoch, {**lease.applied, **write.applied}, lease.origins)
        for user, record in outcome.users.items():
            self._cache[user] = record
            self._cache.move_to_end(user)
        while len(self._cache) > CACHED_USERS:
            self._cache.popitem(last=False)

    def rewound(self) -> bool:
        """Return whether the store held less than this owner had stored, when a partition was leased last."""
        return any(is_behind(self._leases[p].applied, saved) for p, saved in self.saved.items() if p in self._leases)

    def lost(self) -> list[int]:
        """Return the leased partitions of which the store holds less than this owner has stored. Asks the store alone.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        # Read before the store is asked: writes in between may only add.
        saved = {partition: dict(self.saved.get(partition, {})) for partition in self.assigned}
        return [p for p, offsets in saved.items() if offsets and is_behind(self.store.applied(self.scope, p), offsets)]

    def _note(self, partition: int, applied: Mapping[str, int]) -> None:
        saved = self.saved.get(partition, {})
        self.saved[partition] = {**saved, **{s: max(at, saved.get(s, -1)) for s, at in applied.items()}}

    def _lease(self, partition: int) -> Lease:
        lease = self._leases.get(partition)
        if lease is None:
            raise Fenced(f"partition {partition} of {self.scope!r} is not leased any more")
        return lease


def is_behind(stored: Mapping[str, int], expected: Mapping[str, int]) -> bool:
    """Return whether stored offsets are missing, or lower than expected.

    >>> is_behind({"a": 5}, {"a": 5}), is_behind({"a": 4, "b": 9}, {"a": 5}), is_behind({}, {"a": 0})
    (False, True, True)
    """
    return any(stored.get(source, -1) < offset for source, offset in expected.items())
