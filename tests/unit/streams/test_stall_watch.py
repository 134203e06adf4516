"""The stall watch: a worker with progress goes on, a stalled one is restarted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.stall_watch import PartitionProgress, StallWatch, lag
from streams.worker.stall_watch import WorkerSample as Sample

SAMPLE_TIMES = range(0, 300, 5)


def restarts(*sights: Sample, stall: float = 30.0) -> list[str]:
    watch = StallWatch(stall)
    return [why for number, sample in enumerate(sights) if (why := watch.stalled(sample, number * 5.0))]


def test_a_backlog_that_is_handled_slowly_is_no_stall_though_one_partition_waits_long() -> None:
    waits = {"rank-requests-1": PartitionProgress(3, 40, 40), "interactions-0": PartitionProgress(900, 60_000, 60_000)}
    assert restarts(*(Sample(handled=at, queued=1_000, waits=False, partitions=waits) for at in SAMPLE_TIMES)) == []


def test_a_worker_that_handles_none_of_its_records_is_restarted() -> None:
    [first, *_] = restarts(*(Sample(7, 12, False, {}) for _ in SAMPLE_TIMES))
    assert first == "nothing was handled for 35 s, and 12 records wait"


def test_a_partition_that_is_never_fetched_restarts_an_idle_worker() -> None:
    [first, *_] = restarts(*(Sample(7, 0, False, {"interactions-2": PartitionProgress(5, 9, 9)}) for _ in SAMPLE_TIMES))
    assert first == "interactions-2 is not read: at 5 of 9 for 35 s"


def test_transaction_markers_and_deleted_records_at_the_end_are_no_stall() -> None:
    assert restarts(*(Sample(7, 0, False, {"interactions-2": PartitionProgress(9, 9, 9)}) for _ in SAMPLE_TIMES)) == []


def test_an_open_transaction_is_no_stall_and_counts_as_lag() -> None:
    blocked = PartitionProgress(position=9, stable=9, end=14)
    assert restarts(*(Sample(7, 0, False, {"interactions-2": blocked}) for _ in SAMPLE_TIMES)) == []
    assert lag(blocked, applied=8, queued=0) == 5
    watch = StallWatch(30.0)
    names = [
        name for at in SAMPLE_TIMES for name in watch.held_back(Sample(7, 0, False, {"interactions-2": blocked}), at)
    ]
    assert names == ["interactions-2"]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_a_wait_is_no_stall_and_does_not_count_afterwards(steps: list[tuple[int, bool]]) -> None:
    waiting = [Sample(4, queued, True, {"a-0": PartitionProgress(1, 5, 5)}) for queued, _ in steps]
    after = [Sample(4, 2, False, {"a-0": PartitionProgress(1, 5, 5)}) for _ in range(5)]
    assert restarts(*waiting, *after) == []
