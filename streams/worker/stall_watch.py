"""The stall watch: whether a worker makes progress, by a sample of its state every few seconds.

A worker is restarted when it handles nothing though it has records, or reads nothing of a partition though it is idle.
It is not while it makes any progress, while it waits for a store, nor for records that it may not read yet: those of
open transactions, and the gaps of deleted ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PartitionProgress:
    """The progress in a partition: the next offset to read, the last stable offset, and the end."""

    position: int
    stable: int
    end: int


@dataclass(frozen=True)
class WorkerSample:
    """A sample of a worker: records handled since its start, records fetched and not handled, whether it `waits` for a
    server or a lease, and the progress of its partitions.
    """

    handled: int
    queued: int
    waits: bool
    partitions: Mapping[str, PartitionProgress]


@dataclass
class StallWatch:
    """Judges samples of one worker in turn; times are seconds of a monotonic clock."""

    stall_seconds: float
    _handled: int = -1
    _since: float = 0.0
    _positions: dict[str, tuple[int, float]] = field(default_factory=dict)
    _blocked_since: dict[str, float] = field(default_factory=dict)

    def stalled(self, sample: WorkerSample, now: float) -> str:
        """Return why the worker is to be restarted; empty if it makes progress.

        >>> watch, idle = StallWatch(30.0), WorkerSample(0, 0, False, {})
        >>> watch.stalled(WorkerSample(5, 9, False, {}), 0.0), watch.stalled(WorkerSample(5, 9, False, {}), 31.0)
        ('', 'nothing was handled for 31 s, and 9 records wait')
        """
        if sample.waits or sample.queued == 0 or sample.handled != self._handled:
            self._handled, self._since = sample.handled, now
        elif now - self._since > self.stall_seconds:
            return f"nothing was handled for {now - self._since:.0f} s, and {sample.queued} records wait"
        return self._unread(sample, now)

    def _unread(self, sample: WorkerSample, now: float) -> str:
        """Return a message about a partition with readable records of which none is read though the worker is idle."""
        for name, progress in sample.partitions.items():
            position, since = self._positions.get(name, (-1, now))
            is_busy = sample.waits or sample.queued > 0
            if is_busy or progress.position != position or progress.position >= progress.stable:
                self._positions[name] = (progress.position, now)
            elif now - since > self.stall_seconds:
                return f"{name} is not read: at {progress.position} of {progress.stable} for {now - since:.0f} s"
        return ""

    def held_back(self, sample: WorkerSample, now: float) -> list[str]:
        """Return the partitions whose next records have long belonged to an open transaction: once for each.

        >>> watch = StallWatch(30.0)
        >>> blocked = WorkerSample(1, 0, False, {"interactions-0": PartitionProgress(5, 5, 8)})
        >>> watch.held_back(blocked, 0.0), watch.held_back(blocked, 31.0), watch.held_back(blocked, 99.0)
        ([], ['interactions-0'], [])
        """
        partitions = []
        for name, progress in sample.partitions.items():
            if progress.position < progress.stable or progress.stable >= progress.end:
                self._blocked_since.pop(name, None)
            elif now - self._blocked_since.setdefault(name, now) > self.stall_seconds:
                self._blocked_since[name] = float("inf")
                partitions.append(name)
        return partitions


def lag(progress: PartitionProgress, applied: int, queued: int) -> int:
    """Return how many records of a partition are not applied yet; those of open transactions count.

    With an empty queue there are no records between the last applied offset and the position: only transaction markers
    and deleted records.

    >>> lag(PartitionProgress(position=8, stable=8, end=8), applied=5, queued=0)
    0
    >>> lag(PartitionProgress(position=8, stable=8, end=10), applied=5, queued=3)
    4
    """
    return max(0, progress.end - (applied + 1 if queued else max(progress.position, applied + 1)))
