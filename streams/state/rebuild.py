"""The rebuild: users and item statistics folded from the first record of the log, by the routes of production.

It makes no lists and learns nothing: states do not depend on what was recommended. Records of a partition are applied
in the order in which they were produced, topics merged by time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec.structs import replace as with_fields

from agents.memory.strengths import category_strengths
from features.memory_state import MemoryStateStore
from features.ports import FeatureRow, Origin, StateStore
from features.statistics import emptied
from features.views import user_row, user_rows
from schemas.topics import ITEM_STATISTICS
from streams.handlers.deps import Deps
from streams.handlers.on_item_deltas import FOLDED_OFFSETS_KEY, unpack_row
from streams.log.records import Inbound, Message
from streams.outcomes.agent_messages import memory_message
from streams.routes import AGGREGATOR
from streams.state.comparison import with_stored_versions
from streams.state.partition_store import ITEMS, PEOPLE, PartitionStore
from streams.state.positions import Bounds, where_to_begin
from streams.state.user_record import unpack
from streams.worker.user_batch import apply_records

REBUILD_CHUNK_RECORDS = 1_000


def in_order(records: Iterable[Inbound]) -> list[Inbound]:
    """Return the records as they were produced: partitions in the order of their offsets, topics merged by time.

    Times are the producers' own. A time before that of an earlier record of the partition counts as the latter.
    """
    latest: dict[tuple[str, int], float] = {}
    keyed: list[tuple[tuple[float, str, int, int], Inbound]] = []
    for record in sorted(records, key=lambda record: (record.topic, record.partition, record.offset)):
        partition = (record.topic, record.partition)
        latest[partition] = max(latest.get(partition, 0.0), record.timestamp)
        keyed.append(((latest[partition], record.topic, record.partition, record.offset), record))
    return [record for _, record in sorted(keyed, key=lambda pair: pair[0])]


def rebuild_people(records: Sequence[Inbound], deps: Deps) -> MemoryStateStore:
    """Return the users that follow from all records of the user topics.

    Records that `deps.in_flight` has set aside are not handled.
    """
    store = MemoryStateStore()
    owner = PartitionStore(store, scope=PEOPLE, partitions=deps.options.person_partitions)
    owner.assign(range(owner.partitions))
    unevaluated = replace(deps, options=replace(deps.options, prequential_rate=0.0))
    for chunk in _chunks(in_order(records)):
        owner.store_outcome(apply_records(chunk, owner, unevaluated).outcome(owner))
    return store


def rebuild_items(deltas: Sequence[Inbound], deps: Deps) -> MemoryStateStore:
    """Return the item statistics that follow from all records of `item-deltas`."""
    store = MemoryStateStore()
    owner = PartitionStore(store, scope=ITEMS, partitions=deps.options.item_partitions)
    owner.assign(range(owner.partitions))
    for topic, fold in AGGREGATOR.items():
        for chunk in _chunks([record for record in deltas if record.topic == topic]):
            owner.store_outcome(fold(chunk, owner, now=deps.clock(), in_flight=deps.in_flight))
    return store


def _chunks(records: Sequence[Inbound]) -> Iterator[Sequence[Inbound]]:
    for at in range(0, len(records), REBUILD_CHUNK_RECORDS):
        yield records[at : at + REBUILD_CHUNK_RECORDS]


def differences(ours: StateStore, theirs: StateStore, scope: str, partitions: int) -> list[str]:
    """Return the keys whose states differ in a byte, or that one of the two stores does not hold."""
    keys: list[str] = []
    for partition in range(partitions):
        left, right = dict(ours.scan(scope, partition)), dict(theirs.scan(scope, partition))
        keys += sorted(key for key in left.keys() | right.keys() if left.get(key) != right.get(key))
    return keys


Origins = dict[tuple[str, int], Origin]
"""By topic and partition, the log in which its offsets count."""


def origins_of(store: StateStore, scope: str, bounds: Mapping[tuple[str, int], Bounds]) -> Origins:
    """Return the present origins of a scope's topics, as their owner decides them when it leases the partitions."""
    origins = {}
    for (topic, partition), log in bounds.items():
        source = f"{topic}-{partition}"
        applied = store.applied(scope, partition).get(source, -1)
        origins[topic, partition] = where_to_begin(applied, store.origins(scope, partition).get(source), log).origin
    return origins


def named(records: Iterable[Inbound], origins: Origins) -> list[Inbound]:
    """Return the records with the generations of their sources, from which message ids are derived."""
    unknown = Origin("")
    return [
        with_fields(record, generation=origins.get((record.topic, record.partition), unknown).generation)
        for record in records
    ]


def put_in_place(
    rebuilt: StateStore, store: StateStore, scope: str, partitions: int, origins: Origins | None = None
) -> int:
    """Replace the stored states of a scope by the rebuilt ones, with offsets; returns how many were written.

    The new epoch fences workers off, partition by partition; they go on from the rebuilt offsets.
    """
    written = 0
    for partition in range(partitions):
        states, applied = dict(rebuilt.scan(scope, partition)), rebuilt.applied(scope, partition)
        if scope == PEOPLE:
            states = with_stored_versions(states, dict(store.scan(scope, partition)))
        local_origins = {f"{topic}-{p}": origin for (topic, p), origin in (origins or {}).items() if p == partition}
        store.replace(scope, partition, states, applied, local_origins or None)
        written += len(states)
    return written


def without(people: StateStore, users: Collection[str], partitions: int) -> StateStore:
    """Return a copy of a store of users without some of them."""
    left = MemoryStateStore()
    for partition in range(partitions):
        states = {user: state for user, state in people.scan(PEOPLE, partition) if user not in users}
        left.replace(PEOPLE, partition, states, people.applied(PEOPLE, partition), None)
    return left


def republished(people: StateStore, items: StateStore, partitions: tuple[int, int]) -> list[Message]:
    """Return what a rebuild publishes anew: every memory of every user, and every item's statistics.

    `partitions` are the numbers for users and for items. The projector writes the statistics to Feast from the topic.
    """
    messages: list[Message] = []
    for partition in range(partitions[0]):
        for _, state in people.scan(PEOPLE, partition):
            agent = unpack(state).agent
            memories = (*agent.memories, *agent.dormant)
            messages += map(memory_message, memories)
    for partition in range(partitions[1]):
        rows = [unpack_row(state) for key, state in items.scan(ITEMS, partition) if key != FOLDED_OFFSETS_KEY]
        messages += [Message(ITEM_STATISTICS, row.item_id, row) for row in rows]
    return messages


def emptied_rows(rebuilt: StateStore, stored: StateStore, partitions: int) -> list[Message]:
    """Return rows without counts for the items that a rebuild no longer holds, such as those that only accounts in
    quarantine chose: readers of the compacted topic would keep the old ones.
    """
    messages = []
    for partition in range(partitions):
        kept = {FOLDED_OFFSETS_KEY, *dict(rebuilt.scan(ITEMS, partition))}
        dropped = [unpack_row(state) for key, state in stored.scan(ITEMS, partition) if key not in kept]
        messages += [Message(ITEM_STATISTICS, row.item_id, emptied(row)) for row in dropped]
    return messages


def feature_rows(people: StateStore, partitions: int) -> list[FeatureRow]:
    """Return the newest feature rows of every user."""
    rows: list[FeatureRow] = []
    for partition in range(partitions):
        for _, state in people.scan(PEOPLE, partition):
            record = unpack(state)
            user, strengths = record.user, category_strengths(record.agent.memories, record.user.last_at)
            rows += user_rows(user.user_id, user.feature_time, user_row(user), strengths)
    return rows
