"""Whether a worker gets on: what is seen of it every few seconds, and what follows from it.

A worker ends when it handles nothing though it has records, or reads nothing of a partition though it has nothing else
to do. It does not end while it makes any progress, nor while it waits for a store, nor for records that it may not
read yet: those of open transactions, and what is left of deleted ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PartitionProgress:
    """A partition: the next offset to be read, the end of what may be read (the last stable offset), and the end."""

    position: int
    stable: int
    end: int


@dataclass(frozen=True)
class Sight:
    """A worker at one moment: how many records it has handled since its start, and how many it has taken and not
    handled; whether it `waits` for a server or a claim; and where its partitions stand.
    """

    handled: int
    queued: int
    waits: bool
    partitions: Mapping[str, PartitionProgress]


@dataclass
class StallWatch:
    """Looks at a worker again and again; times are in seconds of any clock that only grows."""

    stall_seconds: float
    _handled: int = -1
    _since: float = 0.0
    _stands: dict[str, tuple[int, float]] = field(default_factory=dict)
    _held: dict[str, float] = field(default_factory=dict)

    def stalled(self, sight: Sight, now: float) -> str:
        """Why the worker is to end, in words; empty if it gets on.

        >>> watch, idle = StallWatch(30.0), Sight(0, 0, False, {})
        >>> watch.stalled(Sight(5, 9, False, {}), 0.0), watch.stalled(Sight(5, 9, False, {}), 31.0)
        ('', 'nothing was handled for 31 s, and 9 records wait')
        """
        if sight.waits or sight.queued == 0 or sight.handled != self._handled:
            self._handled, self._since = sight.handled, now
        elif now - self._since > self.stall_seconds:
            return f"nothing was handled for {now - self._since:.0f} s, and {sight.queued} records wait"
        return self._unread(sight, now)

    def _unread(self, sight: Sight, now: float) -> str:
        """A partition that has records to read, of which none is read, while there is nothing else to do."""
        for name, stand in sight.partitions.items():
            was, since = self._stands.get(name, (-1, now))
            is_busy = sight.waits or sight.queued > 0
            if is_busy or stand.position != was or stand.position >= stand.stable:
                self._stands[name] = (stand.position, now)
            elif now - since > self.stall_seconds:
                return f"{name} is not read: at {stand.position} of {stand.stable} for {now - since:.0f} s"
        return ""

    def held_back(self, sight: Sight, now: float) -> list[str]:
        """The partitions whose next records have belonged to an open transaction for long: told once each time.

        >>> watch = StallWatch(30.0)
        >>> held = Sight(1, 0, False, {"interactions-0": PartitionProgress(5, 5, 8)})
        >>> watch.held_back(held, 0.0), watch.held_back(held, 31.0), watch.held_back(held, 99.0)
        ([], ['interactions-0'], [])
        """
        told = []
        for name, stand in sight.partitions.items():
            if stand.position < stand.stable or stand.stable >= stand.end:
                self._held.pop(name, None)
            elif now - self._held.setdefault(name, now) > self.stall_seconds:
                self._held[name] = float("inf")
                told.append(name)
        return told


def lag(stand: PartitionProgress, applied: int, queued: int) -> int:
    """Records of a partition that are not applied yet, as far as is known: those of open transactions count.

    With nothing taken and not handled, what lies between the last applied record and the position are no records:
    marks of transactions, and what was deleted.

    >>> lag(PartitionProgress(position=8, stable=8, end=8), applied=5, queued=0)
    0
    >>> lag(PartitionProgress(position=8, stable=8, end=10), applied=5, queued=3)
    4
    """
    return max(0, stand.end - (applied + 1 if queued else max(stand.position, applied + 1)))
