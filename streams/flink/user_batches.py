"""Batches of users over Flink's keyed state: the handlers of every other runner, with Flink's guarantees.

Flink gives a task one key at a time, and ranking is cheap only for many users at once. So records wait in the state of
their user, and in memory beside those of others; a timer of a few milliseconds, or a full batch, has all of them
handled at once. The effects of a batch, in the order in which a crash may cut them:

1. publish the messages and wait for Kafka
2. user by user, as Flink calls with their key: store the new state in place of the records that it reflects

A checkpoint between the two holds the records, and the state before them. The same follows from them again: the states
once, and the messages with the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor

from features.ports import Write
from schemas.errors import DecodeError
from schemas.ids import DEFAULT_USER, UserId
from streams.flink.keyed_user import KeyedState, KeyedUser, pack_user, unpack_record, unpack_user
from streams.handlers.deps import Deps
from streams.log.partitions import partition_of
from streams.log.ports import Observer, Publisher, TableReader
from streams.log.records import Inbound
from streams.outcomes.batch_outcome import BatchOutcome
from streams.state.partition_store import PEOPLE
from streams.state.user_record import UserRecord, new_user, unpack
from streams.worker.default_timer import DefaultTimer
from streams.worker.receive import open_event
from streams.worker.tables import apply_tables
from streams.worker.user_batch import handle_user_batch
from streams.worker.visits import visit_user

MOST_SECONDS = 1.0
"""A batch gathers at least as long as the one before it took, up to this: under load batches grow."""
NOBODY = ""
"""The key of records that name no user; no user's id is empty."""


def user_of(record: Inbound, now: float) -> str:
    """Return the user whose task handles the record: of an undecodable one `NOBODY`, whose task refuses it."""
    try:
        return str(open_event(record, record.topic, now=now).event.user_id)
    except DecodeError:
        return NOBODY


@dataclass(frozen=True)
class UserTask:
    """The dependencies of one task, built where it runs. Batches form as `deploy.settings.WorkerSettings` says."""

    deps: Deps
    publisher: Publisher
    tables: TableReader
    observer: Observer
    batch_max: int
    batch_within_seconds: float
    default_every_seconds: float
    project: Callable[[int, dict[str, bytes]], None] = lambda partition, states: None
    """Called with packed user records of a partition, for readers of a store; Flink's state is the truth."""


class UserBatches:
    """The users of one task of Flink, whose records it handles in batches; a `streams.state.owner.UserOwner`."""

    def __init__(self, task: UserTask) -> None:
        self._task = task
        self._records: list[Inbound] = []
        self._waiting: dict[str, UserRecord | None] = {}
        """Users with records in this batch, each with the record before it; none for a new one."""
        self._decided: dict[str, bytes | None] = {}
        """Users whose batch is published and not stored yet, each with the state to store, if it changed."""
        self._visits: dict[str, float] = {}
        self._timers: dict[str, float] = {}
        """When the timer of a user calls for a visit: one is enough, as each visit finds the next."""
        self._applied: dict[int, dict[str, int]] = {}
        self._default = DefaultTimer(task.deps)
        self._tick = 0.0
        self._took = 0.0
        """For how long the last batch was handled."""

    def take(self, user: str, record: bytes, key: KeyedState) -> None:
        """Take a record of the user whose key it is: it is handled with the next batch."""
        if user == DEFAULT_USER:
            key.wake(self._task.deps.clock())
            return
        self._settle(user, key)
        key.add_pending(record)
        if not self._records:
            self._tick = self._task.deps.clock() + max(self._task.batch_within_seconds, self._took)
        if user in self._waiting:
            self._records.append(unpack_record(record))
        else:
            self._gather(user, key)
        key.wake(self._tick)
        if len(self._records) >= self._task.batch_max:
            self.handle()

    def wake(self, user: str, key: KeyedState) -> None:
        """Do what the user's timer is for: handle the batch, store its state, or publish what is due to them."""
        if user == DEFAULT_USER:
            self._publish_default(key)
        elif user in self._waiting:
            self.handle()
            self._settle(user, key)
        elif user in self._decided:
            self._settle(user, key)
        elif self._gather(user, key):
            # After a restart: these records were waiting when the checkpoint was made.
            self.handle()
            self._settle(user, key)
        else:
            self._visit(user, key)

    def handle(self) -> None:
        """Handle all records that wait in memory: decide, publish, and have each user's state stored with their key."""
        deps, records = self._task.deps, self._records
        began = deps.clock()
        self.read_tables()
        for part in deps.in_flight.split(records):
            with deps.in_flight.handling(records[part]):
                self._handle(records[part])
        for user in self._waiting:
            self._decided.setdefault(user, None)
        self._waiting, self._records = {}, []
        self._took = min(MOST_SECONDS, deps.clock() - began)

    def read_tables(self) -> None:
        """Apply what the table topics hold by now."""
        if records := self._task.tables.poll():
            self._task.observer.table_read("tables", apply_tables(records, self._task.deps))

    def _handle(self, records: Sequence[Inbound]) -> None:
        """1 decide 2 publish, and wait for Kafka 3 keep the states for `_settle`."""
        outcome = handle_user_batch(records, self, self._task.deps)
        self._task.publisher.publish(outcome.messages)
        published = self._task.deps.clock()
        self._keep(outcome)
        self._task.observer.batch_done(outcome, published=published, stored=self._task.deps.clock())

    def _keep(self, outcome: BatchOutcome) -> None:
        self._waiting |= outcome.users
        for write in outcome.writes:
            applied = self._applied[write.partition] = {**self.applied(write.partition), **write.applied}
            for user, state in write.states.items():
                self._decided[user] = pack_user(KeyedUser(record=state, applied=applied))
            if write.states:
                self._task.project(write.partition, write.states)
        for visits in outcome.visits.values():
            self._visits |= visits

    def _gather(self, user: str, key: KeyedState) -> bool:
        """Load a user with all records that wait in their state; return whether there are any."""
        records = [unpack_record(packed) for packed in key.pending()]
        if not records:
            return False
        self._records += records
        self._waiting[user] = self._load(user, key)
        return True

    def _load(self, user: str, key: KeyedState) -> UserRecord | None:
        stored = key.user()
        if stored is None:
            return None
        state = unpack_user(stored)
        known = self._applied.setdefault(partition_of(user, self.partitions), {})
        for source, offset in state.applied.items():
            known[source] = max(offset, known.get(source, -1))
        return unpack(state.record)

    def _settle(self, user: str, key: KeyedState) -> None:
        """Store a user whose batch is published; their timer visits them later."""
        if user not in self._decided:
            return
        state = self._decided.pop(user)
        if state is not None:
            key.store_user(state)
        key.clear_pending()
        if (due := self._visits.pop(user, None)) is not None:
            self._visit_at(user, due, key)

    def _visit(self, user: str, key: KeyedState) -> None:
        """Publish what is due to a user who stays away; the state stays as it is."""
        self._timers.pop(user, None)
        if (record := self._load(user, key)) is None:
            return
        messages, later = visit_user(record, self._task.deps.stream_now)
        self._task.publisher.publish(messages)
        if later is not None:
            self._visit_at(user, later, key)

    def _visit_at(self, user: str, due: float, key: KeyedState) -> None:
        """Wake the user's timer when the stream reaches an event time, if it goes on as fast as the wall clock."""
        deps = self._task.deps
        now = deps.clock()
        at = now + max(0.0, due - deps.stream_now) + self._task.batch_within_seconds
        if not now < self._timers.get(user, now) <= at:
            self._timers[user] = at
            key.wake(at)

    def _publish_default(self, key: KeyedState) -> None:
        self.read_tables()
        if messages := self._default.due():
            self._task.publisher.publish(messages)
            self._default.note(messages)
        # At full multiples: timers of one time are one, however often the first one was set.
        every = self._task.default_every_seconds
        key.wake((floor(self._task.deps.clock() / every) + 1) * every)

    @property
    def partitions(self) -> int:
        """See `UserOwner`."""
        return self._task.deps.options.person_partitions

    def is_new(self, record: Inbound) -> bool:
        """See `UserOwner`: after a restart Flink reads on behind the records that its state reflects."""
        return True

    def applied(self, partition: int) -> dict[str, int]:
        """See `UserOwner`: the offsets of records that have reached this task; earlier ones of a user have, too."""
        return self._applied.get(partition, {})

    def load(self, users: Iterable[UserId]) -> dict[str, UserRecord]:
        """See `UserOwner`."""
        return {user: self._waiting.get(user) or new_user(user) for user in users}

    def write(self, partition: int, states: dict[str, bytes], applied: dict[str, int]) -> Write:
        """See `UserOwner`."""
        return Write(scope=PEOPLE, partition=partition, epoch=0, states=states, applied=applied)
