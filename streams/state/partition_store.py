"""Who owns which partitions, up to where each was applied, and the people kept at hand for it."""

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
ITEMS = "items"
CACHED_PEOPLE = 20_000


class PartitionStore:
    """Partitions of one scope held by this worker: claims, applied offsets, and a bounded cache of people."""

    def __init__(self, store: StateStore, *, scope: str, partitions: int) -> None:
        self.store = store
        self.scope = scope
        self.partitions = partitions
        self._leases: dict[int, Lease] = {}
        self._cache: OrderedDict[str, UserRecord] = OrderedDict()
        self.saved: dict[int, dict[str, int]] = {}
        """By partition: the offsets that this owner knows to be stored: those that it found and those that it wrote."""

    def assign(self, partitions: Iterable[int]) -> None:
        """Hold exactly these partitions: new ones are claimed, lost ones and all cached people are dropped.

        Raises:
            StoreUnavailable: call again; what was claimed so far is kept.
        """
        wanted = set(partitions)
        self._cache.clear()
        for lost in set(self._leases) - wanted:
            del self._leases[lost]
        for won in sorted(wanted - set(self._leases)):
            lease = self._leases[won] = self.store.lease(self.scope, won)
            self._note(won, lease.applied)

    def release(self) -> None:
        """Hold nothing: the next assignment claims anew."""
        self._leases.clear()
        self._cache.clear()

    @property
    def held(self) -> frozenset[int]:
        """The partitions held now."""
        return frozenset(self._leases)

    def applied(self, partition: int) -> dict[str, int]:
        """The last applied offset by source partition (`topic-partition`)."""
        lease = self._leases.get(partition)
        return lease.applied if lease else {}

    def origin(self, partition: int, source: str) -> Origin | None:
        """Which log the applied offset of a source counts in, if that was noted."""
        lease = self._leases.get(partition)
        return lease.origins.get(source) if lease else None

    def named(self, record: Inbound) -> Inbound:
        """The record with the generation of its source."""
        origin = self.origin(record.partition, f"{record.topic}-{record.partition}")
        return replace(record, generation=origin.generation) if origin and origin.generation else record

    def is_new(self, record: Inbound) -> bool:
        """Whether this worker holds the record's partition and has not applied the record yet."""
        lease = self._leases.get(record.partition)
        return lease is not None and record.offset > lease.applied.get(f"{record.topic}-{record.partition}", -1)

    def load(self, users: Iterable[UserId]) -> dict[str, UserRecord]:
        """The people by id, from the cache or the store; a person without a state is a stranger."""
        people: dict[str, UserRecord] = {}
        missing: dict[int, list[UserId]] = {}
        for user in users:
            known = self._cache.get(user)
            if known is not None:
                people[user] = known
            else:
                missing.setdefault(partition_of(user, self.partitions), []).append(user)
        for partition, wanted in missing.items():
            states = self.store.load(self.scope, partition, wanted)
            for user in wanted:
                people[user] = unpack(states[user]) if user in states else new_user(user)
        return people

    def write(self, partition: int, states: dict[str, bytes], applied: dict[str, int]) -> Write:
        """States and offsets of one partition as this owner may write them.

        Raises:
            Fenced: the partition is not held any more.
        """
        return Write(
            scope=self.scope,
            partition=partition,
            epoch=self._lease(partition).epoch,
            states=states,
            applied=applied,
        )

    def store_outcome(self, outcome: BatchOutcome) -> None:
        """Save, then keep: see both."""
        self.save(outcome)
        self.keep(outcome)

    def save(self, outcome: BatchOutcome) -> None:
        """Write an outcome's states with their offsets. Touches nothing but the store: any thread may call it.

        Raises:
            Fenced: another worker holds one of the partitions; the rest may have been written.
            StoreWentBack: the store holds less than this owner has written.
            StoreUnavailable: call again with the same outcome.
        """
        for write in outcome.writes:
            if write.partition in outcome.visits:
                self.store.visit_later(self.scope, write.partition, outcome.visits[write.partition])
            self.store.save(replace(write, expected=self.saved.get(write.partition, {})))
            self._note(write.partition, write.applied)

    def begin_anew(self, partition: int, source: str, origin: Origin, applied: int | None) -> None:
        """Note which log a source's offsets count in from now on, and where in it they stand, if not as before.

        Raises:
            Fenced: another worker holds the partition.
            StoreUnavailable: call again.
        """
        offsets = {} if applied is None else {source: applied}
        write = self.write(partition, {}, offsets)
        self.store.save(replace(write, expected=self.saved.get(partition, {}), origins={source: origin}))
        lease = self._lease(partition)
        self._leases[partition] = Lease(lease.epoch, {**lease.applied, **offsets}, {**lease.origins, source: origin})
        self.saved[partition] = {**self.saved.get(partition, {}), **offsets}

    def keep(self, outcome: BatchOutcome) -> None:
        """Have an outcome's people at hand and count its records as applied.

        Raises:
            Fenced: a partition is not held any more.
        """
        for write in outcome.writes:
            lease = self._lease(write.partition)
            self._leases[write.partition] = Lease(lease.epoch, {**lease.applied, **write.applied}, lease.origins)
        for user, person in outcome.people.items():
            self._cache[user] = person
            self._cache.move_to_end(user)
        while len(self._cache) > CACHED_PEOPLE:
            self._cache.popitem(last=False)

    def rewound(self) -> bool:
        """Whether the store held less, when a partition was claimed last, than this owner knew to be stored in it."""
        return any(is_behind(self._leases[p].applied, known) for p, known in self.saved.items() if p in self._leases)

    def lost(self) -> list[int]:
        """The partitions held of which the store holds less than this owner knows to be stored. Asks the store alone.

        Raises:
            StoreUnavailable: nothing is known.
        """
        # What is known is taken first: what is written meanwhile may only be more.
        known = {partition: dict(self.saved.get(partition, {})) for partition in self.held}
        return [p for p, offsets in known.items() if offsets and is_behind(self.store.applied(self.scope, p), offsets)]

    def _note(self, partition: int, applied: Mapping[str, int]) -> None:
        known = self.saved.get(partition, {})
        self.saved[partition] = {**known, **{s: max(at, known.get(s, -1)) for s, at in applied.items()}}

    def _lease(self, partition: int) -> Lease:
        lease = self._leases.get(partition)
        if lease is None:
            raise Fenced(f"partition {partition} of {self.scope!r} is not held any more")
        return lease


def is_behind(stored: Mapping[str, int], known: Mapping[str, int]) -> bool:
    """Whether offsets are missing, or lower than they were known to be.

    >>> is_behind({"a": 5}, {"a": 5}), is_behind({"a": 4, "b": 9}, {"a": 5}), is_behind({}, {"a": 0})
    (False, True, True)
    """
    return any(stored.get(source, -1) < offset for source, offset in known.items())
