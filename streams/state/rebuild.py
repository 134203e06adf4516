"""Everything anew from the log: people, and item statistics, folded from the first record on by the same routes.

No list is made and nothing is learned on the way: what is believed does not depend on what was recommended. Records
of a partition are taken in the order in which they were produced, topics merged by their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec.structs import replace as with_fields

from agents.memory.strengths import category_strengths
from features.memory_state import MemoryStateStore
from features.ports import FeatureRow, Origin, StateStore
from features.views import user_row, user_rows
from schemas.memories import memory_key
from schemas.topics import ITEM_STATISTICS, MEMORIES
from streams.handlers.deps import Deps
from streams.handlers.on_item_deltas import MARKS, unpack_row
from streams.log.records import Inbound, Message
from streams.routes import AGGREGATOR
from streams.state.comparison import with_stored_versions
from streams.state.partition_store import ITEMS, PEOPLE, PartitionStore
from streams.state.positions import Bounds, where_to_begin
from streams.state.user_record import unpack
from streams.worker.user_batch import apply_records

CHUNK = 1_000


def in_order(records: Iterable[Inbound]) -> list[Inbound]:
    """Records as they were produced: partitions in the order of their offsets, topics merged by time.

    Times are the producers' own. Where one lags behind its partition's earlier records, theirs counts.
    """
    latest: dict[tuple[str, int], float] = {}
    keyed: list[tuple[tuple[float, str, int, int], Inbound]] = []
    for record in sorted(records, key=lambda one: (one.topic, one.partition, one.offset)):
        partition = (record.topic, record.partition)
        latest[partition] = max(latest.get(partition, 0.0), record.timestamp)
        keyed.append(((latest[partition], record.topic, record.partition, record.offset), record))
    return [record for _, record in sorted(keyed, key=lambda one: one[0])]


def rebuild_people(records: Sequence[Inbound], deps: Deps) -> MemoryStateStore:
    """The people that follow from these records of the person topics, from the first one on.

    What `deps.in_flight` has set aside is not handled.
    """
    store = MemoryStateStore()
    owner = PartitionStore(store, scope=PEOPLE, partitions=deps.options.person_partitions)
    owner.assign(range(owner.partitions))
    quiet = replace(deps, options=replace(deps.options, prequential_rate=0.0))
    for chunk in _chunks(in_order(records)):
        owner.store_outcome(apply_records(chunk, owner, quiet).outcome(owner))
    return store


def rebuild_items(deltas: Sequence[Inbound], deps: Deps) -> MemoryStateStore:
    """The item statistics that follow from these records of `item-deltas`."""
    store = MemoryStateStore()
    owner = PartitionStore(store, scope=ITEMS, partitions=deps.options.item_partitions)
    owner.assign(range(owner.partitions))
    for topic, fold in AGGREGATOR.items():
        for chunk in _chunks([record for record in deltas if record.topic == topic]):
            owner.store_outcome(fold(chunk, owner, now=deps.clock(), in_flight=deps.in_flight))
    return store


def _chunks(records: Sequence[Inbound]) -> Iterator[Sequence[Inbound]]:
    for at in range(0, len(records), CHUNK):
        yield records[at : at + CHUNK]


def differences(ours: StateStore, theirs: StateStore, scope: str, partitions: int) -> list[str]:
    """The keys whose states are not the same, byte by byte, in the two stores; missing ones too."""
    found = []
    for partition in range(partitions):
        left, right = dict(ours.scan(scope, partition)), dict(theirs.scan(scope, partition))
        found += sorted(key for key in left.keys() | right.keys() if left.get(key) != right.get(key))
    return found


Origins = dict[tuple[str, int], Origin]
"""By topic and partition, which log its offsets count in."""


def origins_of(store: StateStore, scope: str, bounds: Mapping[tuple[str, int], Bounds]) -> Origins:
    """Which logs the topics of a scope are now, as its owner decides it when it takes them up."""
    found = {}
    for (topic, partition), log in bounds.items():
        source = f"{topic}-{partition}"
        applied = store.applied(scope, partition).get(source, -1)
        found[topic, partition] = where_to_begin(applied, store.origins(scope, partition).get(source), log).origin
    return found


def named(records: Iterable[Inbound], origins: Origins) -> list[Inbound]:
    """The records with the generations of their sources, by which ids of messages are made."""
    unknown = Origin("")
    return [
        with_fields(record, generation=origins.get((record.topic, record.partition), unknown).generation)
        for record in records
    ]


def put_in_place(
    rebuilt: StateStore, store: StateStore, scope: str, partitions: int, origins: Origins | None = None
) -> int:
    """Replace what a store holds by what was rebuilt, offsets included; how many states were written.

    Workers are fenced off by the new epoch, partition by partition, and go on from the rebuilt offsets.
    """
    written = 0
    for partition in range(partitions):
        states, applied = dict(rebuilt.scan(scope, partition)), rebuilt.applied(scope, partition)
        if scope == PEOPLE:
            states = with_stored_versions(states, dict(store.scan(scope, partition)))
        here = {f"{topic}-{p}": origin for (topic, p), origin in (origins or {}).items() if p == partition}
        store.replace(scope, partition, states, applied, here or None)
        written += len(states)
    return written


def republished(people: StateStore, items: StateStore, partitions: tuple[int, int]) -> list[Message]:
    """What a rebuild publishes anew: every memory that people hold, and every item's statistics.

    `partitions` are those of people and of items. The statistics' projection in Feast follows from the topic.
    """
    messages: list[Message] = []
    for partition in range(partitions[0]):
        for _, state in people.scan(PEOPLE, partition):
            agent = unpack(state).agent
            held = (*agent.memories, *agent.dormant)
            messages += [Message(MEMORIES, memory_key(m.user_id, m.memory_id), m, owner=m.user_id) for m in held]
    for partition in range(partitions[1]):
        rows = [unpack_row(state) for key, state in items.scan(ITEMS, partition) if key != MARKS]
        messages += [Message(ITEM_STATISTICS, row.item_id, row) for row in rows]
    return messages


def feature_rows(people: StateStore, partitions: int) -> list[FeatureRow]:
    """The newest rows of everybody's features."""
    rows: list[FeatureRow] = []
    for partition in range(partitions):
        for _, state in people.scan(PEOPLE, partition):
            person = unpack(state)
            user, strengths = person.user, category_strengths(person.agent.memories, person.user.last_at)
            rows += user_rows(user.user_id, user.feature_time, user_row(user), strengths)
    return rows
