"""Who owns which partitions, up to where each was applied, and the people kept at hand for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from features.ports import Claim, Origin, StateStore, Write
from schemas.errors import Fenced
from schemas.ids import UserId
from streams.handlers.batch_outcome import BatchOutcome
from streams.log.partitions import partition_of
from streams.log.records import Inbound
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
        self._claims: dict[int, Claim] = {}
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
        for lost in set(self._claims) - wanted:
            del self._claims[lost]
        for won in sorted(wanted - set(self._claims)):
            claim = self._claims[won] = self.store.claim(self.scope, won)
            self._note(won, claim.applied)

    def release(self) -> None:
        """Hold nothing: the next assignment claims anew."""
        self._claims.clear()
        self._cache.clear()

    @property
    def held(self) -> frozenset[int]:
        """The partitions held now."""
        return frozenset(self._claims)

    def applied(self, partition: int) -> dict[str, int]:
        """The last applied offset by source partition (`topic-partition`)."""
        claim = self._claims.get(partition)
        return claim.applied if claim else {}

    def origin(self, partition: int, source: str) -> Origin | None:
        """Which log the applied offset of a source counts in, if that was noted."""
        claim = self._claims.get(partition)
        return claim.origins.get(source) if claim else None

    def named(self, record: Inbound) -> Inbound:
        """The record with the generation of its source."""
        origin = self.origin(record.partition, f"{record.topic}-{record.partition}")
        return replace(record, generation=origin.generation) if origin and origin.generation else record

    def is_new(self, record: Inbound) -> bool:
        """Whether this worker holds the record's partition and has not applied the record yet."""
        claim = self._claims.get(record.partition)
        return claim is not None and record.offset > claim.applied.get(f"{record.topic}-{record.partition}", -1)

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
            epoch=self._claim(partition).epoch,
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
            self.store.save(replace(write, known=self.saved.get(write.partition, {})))
            self._note(write.partition, write.applied)

    def begin_anew(self, partition: int, source: str, origin: Origin, applied: int | None) -> None:
        """Note which log a source's offsets count in from now on, and where in it they stand, if not as before.

        Raises:
            Fenced: another worker holds the partition.
            StoreUnavailable: call again.
        """
        offsets = {} if applied is None else {source: applied}
        write = self.write(partition, {}, offsets)
        self.store.save(replace(write, known=self.saved.get(partition, {}), origins={source: origin}))
        claim = self._claim(partition)
        self._claims[partition] = Claim(claim.epoch, {**claim.applied, **offsets}, {**claim.origins, source: origin})
        self.saved[partition] = {**self.saved.get(partition, {}), **offsets}

    def keep(self, outcome: BatchOutcome) -> None:
        """Have an outcome's people at hand and count its records as applied.

        Raises:
            Fenced: a partition is not held any more.
        """
        for write in outcome.writes:
            claim = self._claim(write.partition)
            self._claims[write.partition] = Claim(claim.epoch, {**claim.applied, **write.applied}, claim.origins)
        for user, person in outcome.people.items():
            self._cache[user] = person
            self._cache.move_to_end(user)
        while len(self._cache) > CACHED_PEOPLE:
            self._cache.popitem(last=False)

    def went_back(self) -> bool:
        """Whether the store held less, when a partition was claimed last, than this owner knew to be stored in it."""
        return any(is_behind(self._claims[p].applied, known) for p, known in self.saved.items() if p in self._claims)

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

    def _claim(self, partition: int) -> Claim:
        claim = self._claims.get(partition)
        if claim is None:
            raise Fenced(f"partition {partition} of {self.scope!r} is not held any more")
        return claim


def is_behind(stored: Mapping[str, int], known: Mapping[str, int]) -> bool:
    """Whether offsets are missing, or lower than they were known to be.

    >>> is_behind({"a": 5}, {"a": 5}), is_behind({"a": 4, "b": 9}, {"a": 5}), is_behind({}, {"a": 0})
    (False, True, True)
    """
    return any(stored.get(source, -1) < offset for source, offset in known.items())
