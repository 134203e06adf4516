"""The watchdog: whoever gets on goes on, whoever stands still ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.stall_watch import PartitionProgress, Sight, StallWatch, lag

LOOKS = range(0, 300, 5)


def ends(*sights: Sight, stall: float = 30.0) -> list[str]:
    watch = StallWatch(stall)
    return [why for number, sight in enumerate(sights) if (why := watch.stalled(sight, number * 5.0))]


def test_a_backlog_that_is_worked_off_slowly_ends_nobody_though_one_partition_waits_for_long() -> None:
    waits = {"rank-requests-1": PartitionProgress(3, 40, 40), "interactions-0": PartitionProgress(900, 60_000, 60_000)}
    assert ends(*(Sight(handled=at, queued=1_000, waits=False, partitions=waits) for at in LOOKS)) == []


def test_a_worker_that_handles_nothing_of_what_it_took_ends() -> None:
    [first, *_] = ends(*(Sight(7, 12, False, {}) for _ in LOOKS))
    assert first == "nothing was handled for 35 s, and 12 records wait"


def test_a_partition_that_is_never_fetched_ends_an_idle_worker() -> None:
    [first, *_] = ends(*(Sight(7, 0, False, {"interactions-2": PartitionProgress(5, 9, 9)}) for _ in LOOKS))
    assert first == "interactions-2 is not read: at 5 of 9 for 35 s"


def test_marks_of_transactions_and_deleted_records_at_the_end_end_nobody() -> None:
    assert ends(*(Sight(7, 0, False, {"interactions-2": PartitionProgress(9, 9, 9)}) for _ in LOOKS)) == []


def test_an_open_transaction_ends_nobody_and_is_told_as_lag() -> None:
    held = PartitionProgress(position=9, stable=9, end=14)
    assert ends(*(Sight(7, 0, False, {"interactions-2": held}) for _ in LOOKS)) == []
    assert lag(held, applied=8, queued=0) == 5
    watch = StallWatch(30.0)
    told = [name for at in LOOKS for name in watch.held_back(Sight(7, 0, False, {"interactions-2": held}), at)]
    assert told == ["interactions-2"]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_nobody_ends_while_waiting_and_the_wait_does_not_count_afterwards(steps: list[tuple[int, bool]]) -> None:
    waiting = [Sight(4, queued, True, {"a-0": PartitionProgress(1, 5, 5)}) for queued, _ in steps]
    after = [Sight(4, 2, False, {"a-0": PartitionProgress(1, 5, 5)}) for _ in range(5)]
    assert ends(*waiting, *after) == []
