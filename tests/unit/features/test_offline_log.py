"""The off-line log joined by Feast, killed in the middle of anything, with damaged files and a disk to spare."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.decay import DAY
from features.feast_store import FeastStore
from features.offline.log import MergePolicy, OfflineLog
from features.views import ITEM_VIEW, VIEWS
from tests.builders import START

FIELDS = next(view.fields for view in VIEWS if view.name == ITEM_VIEW)
EAGER = MergePolicy(fan_in=4, waiting_seconds=60.0, replaced_seconds=0.0)
NANOSECONDS = 10**9
WRITER = """
import sys, time
from pathlib import Path
import pyarrow as pa
from features.offline.log import MergePolicy, OfflineLog

log = OfflineLog(Path(sys.argv[1]), ["view"], retention_days=9, policy=MergePolicy(fan_in=3, replaced_seconds=0.05))
number = int(sys.argv[2])
while True:
    log.append("view", pa.table({"number": [number]}), time.time())
    print(number, flush=True)
    log._list_at = 0.0
    log.compact(time.time())
    number += 1
"""


def rows(item: str, *values: float) -> pa.Table:
    """Return rows of an item's features, a second apart: the value of each is the second."""
    columns = {name: list(values) for name in FIELDS}
    times = pa.array([int((START + value) * NANOSECONDS) for value in values], pa.timestamp("ns", tz="UTC"))
    return pa.table({"item_id": [item] * len(values), **columns, "event_timestamp": times})


def compact(log: OfflineLog, now: float, *, listings: int = 12) -> float:
    """Compact until nothing is due; return the time then."""
    for _ in range(listings):
        log.compact(now)
        now += 5.0
    return now


def files(folder: Path, view: str = ITEM_VIEW) -> list[Path]:
    return sorted((folder / view).glob("*.parquet"))


@pytest.fixture
def log(tmp_path: Path) -> OfflineLog:
    return OfflineLog(tmp_path / "offline", [ITEM_VIEW], retention_days=10, policy=EAGER)


@pytest.mark.lengthy
def test_joins_are_exact_while_files_are_merged_replaced_and_written_again(log: OfflineLog, tmp_path: Path) -> None:
    store = FeastStore(tmp_path, redis="localhost:1", project="joined")
    store.apply()
    now = START
    for second in range(10):
        log.append(ITEM_VIEW, rows("a", float(second)), now)
        log.append(ITEM_VIEW, rows("b", float(second)), now)
    requests = [({"item_id": item}, START + at) for at in (0.5, 3.0, 7.2, 99.0) for item in "ab"]
    asked = [f"{ITEM_VIEW}:count", f"{ITEM_VIEW}:mean_value"]
    expected = [0.0, 0.0, 3.0, 3.0, 7.0, 7.0, 9.0, 9.0]
    for again in range(3):
        assert store.historical(asked, requests)["count"].tolist() == expected
        now = compact(log, now, listings=2 + 4 * again)
        log.append(ITEM_VIEW, rows("a", float(again)), now)
        log.append(ITEM_VIEW, rows("a", *map(float, range(again, again + 2))), now)
    assert store.historical(asked, requests)["mean_value"].tolist() == expected
    assert len(files(tmp_path / "offline")) < 12


def test_a_day_that_is_over_is_one_file_without_rows_that_are_the_same(log: OfflineLog, tmp_path: Path) -> None:
    for second in range(30):
        log.append(ITEM_VIEW, rows("a", float(second), float(second + 1)), START)
    compact(log, START + DAY)
    [file] = files(tmp_path / "offline")
    assert sorted(pq.read_table(file)["count"].to_pylist()) == [float(second) for second in range(31)]


def test_files_that_joins_may_have_listed_stay_a_while(tmp_path: Path) -> None:
    log = OfflineLog(tmp_path, [ITEM_VIEW], retention_days=10, policy=MergePolicy(fan_in=2))
    log.append(ITEM_VIEW, rows("a", 1.0), START)
    log.append(ITEM_VIEW, rows("a", 2.0), START)
    now = compact(log, START, listings=10)
    assert len(files(tmp_path)) == 3
    log.append(ITEM_VIEW, rows("a", 1.0), now)
    compact(log, now + 300)
    assert [sorted(pq.read_table(file)["count"].to_pylist()) for file in files(tmp_path)] == [[1.0, 2.0]]


def test_rows_are_kept_for_the_days_of_the_retention(log: OfflineLog, tmp_path: Path) -> None:
    for day in range(14):
        log.append(ITEM_VIEW, rows("a", float(day)), START + day * DAY)
    compact(log, START + 13 * DAY)
    kept = [value for file in files(tmp_path / "offline") for value in pq.read_table(file)["count"].to_pylist()]
    assert kept == [float(day) for day in range(3, 14)]


def test_files_of_earlier_releases_are_merged_and_a_feature_that_they_lack_is_null(
    log: OfflineLog, tmp_path: Path
) -> None:
    older = tmp_path / "offline" / ITEM_VIEW / "ranking-log-0-15.parquet"
    pq.write_table(rows("a", 1.0).drop_columns("mean_value"), older)
    os.utime(older, (START - 10, START - 10))
    log.append(ITEM_VIEW, rows("a", 2.0), START - 10)
    compact(log, START + DAY)
    [file] = files(tmp_path / "offline")
    assert pq.read_table(file).sort_by("count")["mean_value"].to_pylist() == [None, 2.0]


def test_a_damaged_file_is_named_and_the_others_are_merged(
    log: OfflineLog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "offline" / ITEM_VIEW / "ranking-log-0-1.parquet"
    damaged.write_bytes(b"")
    os.utime(damaged, (START, START))
    for second in range(6):
        log.append(ITEM_VIEW, rows("a", float(second)), START)
    compact(log, START + DAY, listings=40)
    assert len(files(tmp_path / "offline")) == 2
    assert [str(damaged) in record.message for record in caplog.records] == [True]


def test_what_a_dead_process_left_unfinished_is_removed(log: OfflineLog, tmp_path: Path) -> None:
    partial = tmp_path / "offline" / ITEM_VIEW / ".2026-01-01.1.00.1f.partial"
    partial.write_bytes(b"PAR1")
    os.utime(partial, (START, START))
    log.compact(START + 60)
    assert partial.exists()
    log.compact(START + DAY)
    assert not partial.exists()


@pytest.mark.lengthy
def test_a_writer_killed_at_any_time_loses_no_row_that_it_acknowledged(tmp_path: Path) -> None:
    acknowledged = -1
    for limit in (25, 40, 61):
        for number in writing(tmp_path, acknowledged + 1, limit):
            acknowledged = number
            if number % 10 == 0:
                assert set(range(number + 1)) <= numbers(tmp_path / "view")
        assert set(range(acknowledged + 1)) <= numbers(tmp_path / "view")
    assert len(files(tmp_path, "view")) < acknowledged / 2


def writing(folder: Path, first: int, limit: int) -> Iterator[int]:
    """Yield the numbers that a writer acknowledges; it is killed after `limit` of them, in the middle of something."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    with writer:
        for _, line in zip(range(limit), writer.stdout, strict=False):
            yield int(line)
        writer.send_signal(signal.SIGKILL)


def numbers(folder: Path) -> set[int]:
    """Return the numbers in the visible files, listed again if one was removed meanwhile."""
    while True:
        try:
            tables = [pq.read_table(path) for path in folder.glob("*.parquet")]
        except FileNotFoundError:
            continue
        return {number for table in tables for number in table["number"].to_pylist()}
