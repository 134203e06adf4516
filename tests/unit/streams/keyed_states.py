"""Flink as far as a task of users sees it: keyed states and timers in memory, with checkpoints and crashes."""

from __future__ import annotations

import copy
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streams.flink.keyed_user import pack_record
from streams.flink.user_batches import UserBatches, UserTask, user_of
from streams.log.records import Inbound


@dataclass
class Kept:
    """What a checkpoint holds: states and waiting records by user, timers, and how far the source has read."""

    users: dict[str, bytes] = field(default_factory=dict)
    pending: dict[str, list[bytes]] = field(default_factory=dict)
    timers: list[tuple[float, str]] = field(default_factory=list)
    read: int = 0


class Key:
    """The state of one user."""

    def __init__(self, kept: Kept, name: str) -> None:
        self._kept, self._name = kept, name

    def user(self) -> bytes | None:
        return self._kept.users.get(self._name)

    def store_user(self, state: bytes) -> None:
        self._kept.users[self._name] = state

    def pending(self) -> list[bytes]:
        return self._kept.pending.get(self._name, [])

    def add_pending(self, record: bytes) -> None:
        self._kept.pending.setdefault(self._name, []).append(record)

    def clear_pending(self) -> None:
        self._kept.pending.pop(self._name, None)

    def wake(self, at: float) -> None:
        if (at, self._name) not in self._kept.timers:
            heapq.heappush(self._kept.timers, (at, self._name))


class KeyedTask:
    """One task of Flink over a list of records; `clock` is moved by whoever runs it."""

    def __init__(self, make_task: Callable[[], UserTask], records: Sequence[Inbound], clock: list[float]) -> None:
        self._make_task, self._records, self._clock = make_task, records, clock
        self.kept = Kept()
        self._checkpoint = copy.deepcopy(self.kept)
        self._users = UserBatches(make_task())

    @property
    def is_done(self) -> bool:
        return self.kept.read == len(self._records) and not self.kept.pending

    def read_one(self) -> None:
        if self.kept.read < len(self._records):
            record = self._records[self.kept.read]
            self.kept.read += 1
            user = user_of(record, self._clock[0])
            self._users.take(user, pack_record(record), Key(self.kept, user))

    def fire_one(self) -> None:
        """Fire the earliest timer that is due; if none is, let time pass."""
        if self.kept.timers and self.kept.timers[0][0] <= self._clock[0]:
            _, user = heapq.heappop(self.kept.timers)
            self._users.wake(user, Key(self.kept, user))
        else:
            self._clock[0] += 0.002

    def checkpoint(self) -> None:
        self._checkpoint = copy.deepcopy(self.kept)

    def crash(self) -> None:
        """Lose all memory: a new task goes on from the newest checkpoint."""
        self.kept = copy.deepcopy(self._checkpoint)
        self._users = UserBatches(self._make_task())
