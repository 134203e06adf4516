"""Laws of the off-line log: whatever is written again, merged or cut off, the rows of the retention are there.

The model is the plain list of rows with the days on which they were written. A join takes one row for each entity and
time, so a row that is there twice changes no answer (`tests/unit/features/test_offline_log.py`).
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from features.decay import DAY
from features.offline.files import day_of
from features.offline.log import MergePolicy, OfflineLog
from tests.builders import START

pytestmark = pytest.mark.lengthy
VIEWS = ("user_features", "item_features")
RETENTION_DAYS = 3
POLICY = MergePolicy(fan_in=3, full_bytes=6_000, waiting_seconds=60.0, replaced_seconds=30.0)


def rows_of(folder: Path) -> set[tuple[str, float]]:
    """Return the rows that whoever reads each visible file finds."""
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    return {(row["user_id"], row["value"]) for table in tables for row in table.to_pylist()}


class LogMachine(RuleBasedStateMachine):
    """A writer that is killed at any step of a merge and writes again what it had not committed."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.now = START
        self.dead: list[OfflineLog] = []
        self.written: dict[str, dict[tuple[str, float], float]] = {view: {} for view in VIEWS}
        self.windows: list[tuple[str, list[tuple[str, float]]]] = []
        self.numbers = count()
        self.start()

    def start(self) -> None:
        # The timer advances by a second for each look: every call does one small step.
        seconds = (float(second) for second in count())
        self.log = OfflineLog(
            self.folder, VIEWS, retention_days=RETENTION_DAYS, policy=POLICY, timer=lambda: next(seconds)
        )

    @rule(view=st.sampled_from(VIEWS), users=st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
    def write(self, view: str, users: list[str]) -> None:
        rows = [(user, float(next(self.numbers))) for user in users]
        self.windows.append((view, rows))
        self._append(view, rows)

    @rule(view=st.sampled_from(VIEWS))
    def write_many(self, view: str) -> None:
        for _ in range(POLICY.fan_in):
            self.write(view, ["a"])

    @rule(back=st.integers(1, 6), cut=st.integers(0, 8))
    def redeliver(self, back: int, cut: int) -> None:
        """Write the last windows again, cut into windows as chance has it."""
        for view in VIEWS:
            rows = [row for name, window in self.windows[-back:] if name == view for row in window]
            for part in (rows[:cut], rows[cut:]):
                if part:
                    self._append(view, part)

    @rule(index=st.integers(0, 50))
    def write_a_window_again(self, index: int) -> None:
        if self.windows:
            self._append(*self.windows[index % len(self.windows)])

    @rule(steps=st.integers(1, 30), seconds=st.sampled_from([0.0, 5.0, 20.0]))
    def compact(self, steps: int, seconds: float) -> None:
        for _ in range(steps):
            self.log.compact(self.now)
            self.now += seconds

    @rule()
    def crash(self) -> None:
        self.dead.append(self.log)  # kept, so that its unfinished file is not tidied up
        self.start()

    @rule(seconds=st.sampled_from([1.0, 100.0, DAY / 2, DAY, 2 * DAY]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def rows_of_the_retention_are_visible(self) -> None:
        for view, written in self.written.items():
            visible = rows_of(self.folder / view)
            kept = {row for row, at in written.items() if day_of(at) >= day_of(self.now - RETENTION_DAYS * DAY)}
            assert kept <= visible <= written.keys()

    def teardown(self) -> None:
        for _ in range(400):  # what is left ends as a file for each day that is over
            self.log.compact(self.now)
            self.now += 5.0
        self.rows_of_the_retention_are_visible()
        for view in VIEWS:
            days = [path.name[:10] for path in (self.folder / view).glob("*.parquet") if path.stat().st_size < 2_000]
            over = [day for day in days if day < day_of(self.now - 3_600).isoformat()]
            assert len(over) == len(set(over))
        self._folder.cleanup()

    def _append(self, view: str, rows: list[tuple[str, float]]) -> None:
        users, values = zip(*rows, strict=True)
        times = pa.array([int((START + value) * 1e9) for value in values], pa.timestamp("ns", tz="UTC"))
        self.log.append(view, pa.table({"user_id": users, "value": values, "event_timestamp": times}), self.now)
        self.written[view] |= dict.fromkeys(rows, self.now)


TestOfflineLog: Any = LogMachine.TestCase
TestOfflineLog.settings = settings(
    max_examples=30, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)
