"""Recorded deltas: MovieLens through the worker's handlers, late, repeated and out of order; and what they say."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import exp2
from pathlib import Path

from msgspec.structs import replace

from deploy.demo.movielens import movielens
from deploy.embedded.environment import user_cache_dir
from deploy.files.errors import Refused
from deploy.importing import read_events
from features.half_lives import COVISIT_HALF_LIFE, TRANSITION_HALF_LIFE, HalfLife
from features.memory_state import MemoryStateStore
from features.statistics import RANK_DECAY, added
from schemas.codec import encode
from schemas.interactions import Click, Interaction, Rating
from schemas.statistics import ItemDelta
from schemas.topics import INTERACTIONS, ITEM_DELTAS
from streams.log.partitions import partition_of
from streams.log.records import Inbound
from streams.state.partition_store import PEOPLE, PartitionStore
from streams.worker.user_batch import apply_records
from tests.builders import make_deps

PARTITIONS = 4
YEAR = 365 * 86_400.0


def recorded_deltas(count: int, folder: Path | None = None) -> list[ItemDelta]:
    """Return so many deltas in the order of their delivery: of each twentieth event late, of each tenth again, of some
    accounts in quarantine.
    """
    rng = random.Random(7)
    events = _late(list(_events(count, rng, folder or user_cache_dir())), rng)[:count]
    deltas = list(_through_handlers(events))
    withheld = {user for user in sorted({delta.user_id for delta in deltas}) if rng.random() < 0.02}
    deltas = [replace(delta, withheld=delta.user_id in withheld) for delta in deltas]
    return _interleaved(deltas, rng)


def delivered_again(deltas: Sequence[ItemDelta]) -> list[ItemDelta]:
    """Return the deltas with runs of them delivered a second time, as after a worker that was killed."""
    twice: list[ItemDelta] = []
    for start in range(0, len(deltas), 100):
        twice += deltas[start : start + 100]
        if start % 1_000 == 0:
            twice += deltas[max(0, start - 150) : start + 100]
    return twice


def _events(count: int, rng: random.Random, cache: Path) -> Iterator[Interaction]:
    """Yield the log, year after year with other users; of each tenth event, the user chooses the item again."""
    log = [event for _, event in read_events(movielens(cache).events, {}, now=time.time(), refused=Refused())]
    for number in range(count):
        again, event = number // len(log), log[number % len(log)]
        assert isinstance(event, Rating)
        user, at = f"{event.user_id}.{again}", event.event_time + again * YEAR
        yield replace(event, user_id=user, event_time=at, event_id=f"{event.event_id}.{again}")
        if rng.random() < 0.1:
            after = at + rng.expovariate(1 / 86_400)
            yield Click(event_id=f"c{number}", user_id=user, event_time=after, item_id=event.item_id)  # type: ignore[arg-type]


def _late(events: list[Interaction], rng: random.Random) -> list[Interaction]:
    order = {id(event): number + (rng.random() < 0.05) * rng.randrange(3_000) for number, event in enumerate(events)}
    return sorted(events, key=lambda event: order[id(event)])


def _through_handlers(events: Sequence[Interaction]) -> Iterator[ItemDelta]:
    deps, store = make_deps(clock=time.time), MemoryStateStore()
    owner = PartitionStore(store, scope=PEOPLE, partitions=PARTITIONS)
    owner.assign(range(PARTITIONS))
    ends = [0] * PARTITIONS
    for start in range(0, len(events), 1_000):
        outcome = apply_records([_record(event, ends) for event in events[start : start + 1_000]], owner, deps)
        batch = outcome.outcome(owner)
        yield from (m.value for m in batch.messages if m.topic == ITEM_DELTAS and isinstance(m.value, ItemDelta))
        owner.store_outcome(batch)


def _record(event: Interaction, ends: list[int]) -> Inbound:
    partition = partition_of(event.user_id, PARTITIONS)
    ends[partition] += 1
    return Inbound(
        topic=INTERACTIONS,
        partition=partition,
        offset=ends[partition] - 1,
        key=event.user_id.encode(),
        value=encode(event),
        timestamp=time.time(),
    )


def _interleaved(deltas: Sequence[ItemDelta], rng: random.Random) -> list[ItemDelta]:
    """Return the deltas with their sources shuffled into each other; of each source, offsets still rise."""
    by_source: dict[str, list[ItemDelta]] = defaultdict(list)
    for delta in deltas:
        by_source[delta.source].append(delta)
    sources = [delta.source for delta in deltas]
    for start in range(0, len(sources), 2_000):
        chunk = sources[start : start + 2_000]
        rng.shuffle(chunk)
        sources[start : start + 2_000] = chunk
    rest = {source: iter(own) for source, own in by_source.items()}
    return [next(rest[source]) for source in sources]


Weights = dict[str, float]


def exact_neighbours(deltas: Sequence[ItemDelta], at: Mapping[str, float]) -> tuple[dict[str, Weights], ...]:
    """Return every co-visit and every transition of each item as of `at`, by sums from which nothing was ever dropped;
    deltas are those that count, each once.
    """
    covisits: dict[str, Weights] = defaultdict(lambda: defaultdict(float))
    transitions: dict[str, Weights] = defaultdict(lambda: defaultdict(float))
    for delta in deltas:
        for rank, (neighbour, _) in enumerate(delta.before):
            covisits[delta.item_id][neighbour] += _weight(delta, COVISIT_HALF_LIFE, at) * RANK_DECAY**rank
        for neighbour, _ in delta.before[:1]:
            transitions[delta.item_id][neighbour] += _weight(delta, TRANSITION_HALF_LIFE, at)
    return tuple(
        {item: {name: weight for name, weight in weights.items() if weight > 0.0} for item, weights in table.items()}
        for table in (covisits, transitions)
    )


def _weight(delta: ItemDelta, half_life: HalfLife, at: Mapping[str, float]) -> float:
    age = at[delta.item_id] - delta.event_time
    return delta.account * added(delta, half_life.seconds, most=1.0) * exp2(-age / half_life.seconds)
