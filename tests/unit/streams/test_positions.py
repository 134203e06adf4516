"""Positions after offsets went back: what follows from the stored offset and from the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from features.memory_state import MemoryStateStore
from features.ports import Origin
from features.statistics import FoldedOffsets
from schemas.topics import INTERACTIONS, RANK_REQUESTS
from streams.log.ports import Unobserved
from streams.log.records import Inbound, RecordSource
from streams.state.partition_store import PEOPLE, PartitionStore
from streams.state.positions import Bounds, Positions, breaks_now, where_to_begin

offsets = st.integers(0, 60)


class Broker:
    """A broker that returns the bounds and commits of the test."""

    def __init__(
        self, bounds: Mapping[tuple[str, int], Bounds], committed: Mapping[tuple[str, int], int] | None = None
    ):
        self.known_bounds = dict(bounds)
        self.commits = dict(committed or {})

    def bounds(self, topics: Sequence[str]) -> dict[tuple[str, int], Bounds]:
        return self.known_bounds

    def committed(self, group: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        return self.commits


class Seen(Unobserved):
    """An observer that keeps the breaks."""

    def __init__(self) -> None:
        self.breaks: list[tuple[str, str, int]] = []

    def broken(self, how: str, what: str, partition: int) -> None:
        self.breaks.append((how, what, partition))


def system(
    broker: Broker, *, topic: str = INTERACTIONS, store: MemoryStateStore | None = None
) -> tuple[Positions, Seen]:
    owner, seen = PartitionStore(store or MemoryStateStore(), scope=PEOPLE, partitions=1), Seen()
    owner.assign([0])
    return Positions(owner, broker, (topic,), 1, "group", seen), seen


def applies(positions: Positions, offset: int) -> None:
    write = positions.owner.write(0, {}, {f"{positions.topics[0]}-0": offset})
    positions.owner.store.save(write)
    positions.owner._note(0, write.applied)


def stands(offset: int, end: int, *, topic_id: str = "one") -> tuple[Positions, Seen, Broker]:
    broker = Broker({(INTERACTIONS, 0): Bounds(topic_id, 0, end)})
    positions, _ = system(broker)
    positions.start_offsets()
    applies(positions, offset)
    fresh, seen = system(broker, store=positions.owner.store)  # type: ignore[arg-type]
    return fresh, seen, broker


@given(applied=st.integers(-1, 60), begin=offsets, length=offsets, topic_id=st.sampled_from(["one", "two", ""]))
def test_no_unapplied_record_of_the_log_is_skipped(applied: int, begin: int, length: int, topic_id: str) -> None:
    log = Bounds(topic_id, begin, begin + length)
    start = where_to_begin(applied, Origin("one"), log)
    same_log = topic_id != "two" and applied < log.end
    unread = set(range(log.begin, log.end)) - (set(range(applied + 1)) if same_log else set())
    if start.broken != "truncated":
        assert unread <= set(range(start.offset, log.end))
    assert log.begin <= start.offset or start.offset <= log.end
    assert (start.applied is not None) == (start.origin.generation == 1)
    assert start.applied is None or start.applied == start.offset - 1 or start.applied == -1


def test_reading_goes_on_after_the_stored_offset_whatever_was_committed() -> None:
    fresh, seen, broker = stands(7, 20)
    broker.commits = {(INTERACTIONS, 0): 8}
    assert fresh.start_offsets() == {(INTERACTIONS, 0): 8}
    assert seen.breaks == []


def test_a_store_behind_the_committed_offset_is_reported_and_read_again() -> None:
    fresh, seen, broker = stands(7, 20)
    broker.commits = {(INTERACTIONS, 0): 15}
    assert fresh.start_offsets() == {(INTERACTIONS, 0): 8}
    assert seen.breaks == [("store-behind", PEOPLE, 0)]


def test_a_topic_that_was_made_again_is_read_from_its_beginning_once() -> None:
    fresh, seen, broker = stands(7, 20)
    broker.known_bounds = {(INTERACTIONS, 0): Bounds("two", 0, 30)}
    assert fresh.breaks()
    assert fresh.start_offsets() == {(INTERACTIONS, 0): 0}
    assert seen.breaks == [("made-again", INTERACTIONS, 0)]
    applies(fresh, 3)
    again, seen = system(broker, store=fresh.owner.store)  # type: ignore[arg-type]
    assert again.start_offsets() == {(INTERACTIONS, 0): 4}
    assert (again.breaks(), seen.breaks) == ([], [])


def test_records_of_a_topic_made_again_are_no_duplicates_of_the_old_ones() -> None:
    fresh, _, broker = stands(7, 20)
    broker.known_bounds = {(INTERACTIONS, 0): Bounds("two", 0, 30)}
    fresh.start_offsets()
    record = Inbound(topic=INTERACTIONS, partition=0, offset=3, key=b"", value=b"", timestamp=0.0)
    named = fresh.owner.named(record)
    assert fresh.owner.is_new(named)
    source = RecordSource(named.log, named.partition, named.offset, 0.0)
    assert source.name not in FoldedOffsets({f"{INTERACTIONS}-0": 7}).offsets


def test_records_deleted_before_they_were_applied_are_reported_missing() -> None:
    fresh, seen, broker = stands(7, 20)
    broker.known_bounds = {(INTERACTIONS, 0): Bounds("one", 12, 20)}
    assert fresh.breaks() == []
    assert fresh.start_offsets() == {(INTERACTIONS, 0): 12}
    assert seen.breaks == [("deleted", INTERACTIONS, 0)]


def test_expired_requests_and_records_before_a_new_system_are_no_loss() -> None:
    old = Broker({(RANK_REQUESTS, 0): Bounds("one", 12, 20)}, {(RANK_REQUESTS, 0): 5})
    positions, seen = system(old, topic=RANK_REQUESTS)
    assert (positions.start_offsets(), seen.breaks) == ({(RANK_REQUESTS, 0): 12}, [("store-behind", PEOPLE, 0)])
    new = Broker({(INTERACTIONS, 0): Bounds("one", 12, 20)})
    positions, seen = system(new)
    assert (positions.start_offsets(), seen.breaks) == ({(INTERACTIONS, 0): 12}, [])


def test_a_wiped_store_whose_log_has_lost_its_beginning_is_reported() -> None:
    broker = Broker({(INTERACTIONS, 0): Bounds("one", 12, 20)}, {(INTERACTIONS, 0): 18})
    positions, seen = system(broker)
    assert positions.start_offsets() == {(INTERACTIONS, 0): 12}
    assert {how for how, _, _ in seen.breaks} == {"deleted", "store-behind"}


def test_a_store_that_loses_data_while_it_is_owned_is_noticed_without_any_traffic() -> None:
    fresh, seen, _ = stands(7, 20)
    fresh.start_offsets()
    assert fresh.breaks() == []
    fresh.owner.store.replace(PEOPLE, 0, {}, {})
    assert fresh.breaks()
    assert seen.breaks == [("store-behind", PEOPLE, 0)]


def test_partitions_that_are_added_are_noticed() -> None:
    fresh, _, broker = stands(7, 20)
    broker.known_bounds |= {(INTERACTIONS, 1): Bounds("one", 0, 0)}
    assert fresh.breaks() == ["topic 'interactions' has 2 partitions, the settings want 1"]


def test_a_log_without_ids_that_is_shorter_than_what_was_applied_counts_as_made_again() -> None:
    assert where_to_begin(812, None, Bounds("", 0, 4)).broken == "made-again"
    assert breaks_now(812, Origin(""), Bounds("", 0, 4)) == "made-again"
    assert where_to_begin(3, None, Bounds("", 0, 4)).offset == 4
