"""Users on Flink's keyed states: the same as on every other runner, whenever a task crashes."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest

from features.list_outcome import MATURES_AFTER
from features.memory_state import MemoryStateStore
from schemas.codec import encode
from schemas.errors import StoreUnavailable
from schemas.ids import DEFAULT_USER
from schemas.plans import PlanEntry
from schemas.topics import DEAD_LETTERS, ITEMS, MEMORIES, MISROUTED, PLANS, RANKING_LOG, RECOMMENDATIONS
from streams.flink.keyed_user import FORMAT, KeyedUser, UnknownStateFormat, pack_record, pack_user, unpack_user
from streams.flink.projection import UserProjection
from streams.flink.user_batches import NOBODY, UserBatches, UserTask
from streams.log.partitions import partition_of
from streams.log.ports import Unobserved
from streams.log.records import Inbound, Message
from streams.routes import WORKER_INPUTS
from streams.state.partition_store import PEOPLE, PROJECTED_PEOPLE
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, impression, make_deps
from tests.engines import catalogue, recorded_phases
from tests.unit.streams.doubles import Shelf
from tests.unit.streams.keyed_states import Kept, Key, KeyedTask

NOW = START + 1e6
COUNT = 150


class NoTables:
    def catch_up(self) -> list[Inbound]:
        return []

    def poll(self) -> list[Inbound]:
        return []


def make_task(shelf: Shelf, clock: list[float], **more) -> UserTask:
    runner = InMemoryRunner(make_deps(clock=lambda: clock[0]), MemoryStateStore())
    for one in catalogue():
        runner.send(ITEMS, one.item_id, one)
    runner.run()
    return UserTask(
        deps=runner.deps,
        publisher=shelf,
        tables=NoTables(),
        observer=Unobserved(),
        batch_max=more.pop("batch_max", 50),
        batch_within_seconds=0.004,
        default_every_seconds=1.0,
        **more,
    )


class Undisturbed:
    """A run of the in-memory runner: users, the input records in their order, and what was published."""

    def __init__(self) -> None:
        store = MemoryStateStore()
        runner = InMemoryRunner(make_deps(clock=lambda: NOW), store, batch=20)
        for one in catalogue():
            runner.send(ITEMS, one.item_id, one)
        self.inputs: list[Inbound] = []
        for phase in recorded_phases(COUNT):
            for topic, key, value in phase:
                runner.send(topic, key, value)
            runner.run()
            known = {(record.topic, record.partition, record.offset) for record in self.inputs}
            records = [record for topic in WORKER_INPUTS for record in runner.log.records(topic)]
            self.inputs += [r for r in records if (r.topic, r.partition, r.offset) not in known]
        self.users = {user: state for partition in range(4) for user, state in store.scan(PEOPLE, partition)}
        self.values = {topic: {r.value for r in runner.log.records(topic)} for topic in COMPARED}


COMPARED = (MEMORIES, PLANS, MISROUTED)
"""Topics whose messages follow from the records alone; a list answers all events of its batch."""


@pytest.fixture(scope="module")
def undisturbed() -> Undisturbed:
    return Undisturbed()


def values(messages: Sequence[Message], topic: str) -> set[bytes | None]:
    return {message.value and encode(message.value) for message in messages if message.topic == topic}


def triggers_of(shelf: Shelf) -> set[str]:
    return {message.value.trigger for message in shelf.messages if isinstance(message.value, PlanEntry)}


def users_of(kept: Kept) -> dict[str, bytes]:
    return {user: unpack_user(state).record for user, state in kept.users.items()}


@pytest.mark.parametrize("batch_max", [1, 50])
def test_users_and_messages_are_those_of_the_in_memory_runner(undisturbed: Undisturbed, batch_max: int) -> None:
    shelf, clock = Shelf(), [NOW]
    task = KeyedTask(lambda: make_task(shelf, clock, batch_max=batch_max), undisturbed.inputs, clock)
    while not task.is_done:
        task.read_one()
        task.fire_one()
    assert users_of(task.kept) == undisturbed.users
    for topic in COMPARED:
        assert values(shelf.messages, topic) == undisturbed.values[topic]
    assert "goal-reached" in triggers_of(shelf)
    assert any(message.topic == DEAD_LETTERS for message in shelf.messages)
    assert NOBODY not in task.kept.users


@pytest.mark.parametrize("seed", range(2))
def test_crashes_at_any_moment_change_no_state_and_lose_no_message(undisturbed: Undisturbed, seed: int) -> None:
    rng, shelf, clock = random.Random(seed), Shelf(), [NOW]
    task = KeyedTask(lambda: make_task(shelf, clock), undisturbed.inputs, clock)
    crashes = 0
    while not task.is_done:
        rng.choice((task.read_one, task.read_one, task.fire_one))()
        if rng.random() < 0.05:
            task.checkpoint()
        elif rng.random() < 0.02 and crashes < 10:
            task.crash()
            crashes += 1
    assert crashes
    assert users_of(task.kept) == undisturbed.users
    for topic in COMPARED:
        assert values(shelf.messages, topic) == undisturbed.values[topic]
    lists: dict[str, set[tuple[str, ...]]] = {}
    for message in shelf.messages:
        if message.topic == RECOMMENDATIONS and message.value is not None:
            home = message.value.home
            lists.setdefault(home.list_id, set()).add(tuple(ranked.item_id for ranked in home.items))
    assert {len(items) for items in lists.values()} == {1}


def test_a_full_batch_waits_for_no_timer() -> None:
    shelf, kept = Shelf(), Kept()
    users = UserBatches(make_task(shelf, [NOW], batch_max=2))
    for number, user in enumerate(("ann", "bob")):
        users.take(user, inbound(click(user, "war-1"), number), Key(kept, user))
    assert {message.key for message in shelf.messages if message.topic == RECOMMENDATIONS} == {"ann", "bob"}


def inbound(event, offset: int) -> bytes:
    user = event.user_id
    return pack_record(
        Inbound(
            topic="interactions",
            partition=partition_of(user, 4),
            offset=offset,
            key=user.encode(),
            value=encode(event),
            timestamp=NOW,
        )
    )


def test_outcomes_of_slates_are_published_though_the_user_stays_away() -> None:
    shelf, kept, clock = Shelf(), Kept(), [NOW]
    users, key = UserBatches(make_task(shelf, clock)), Key(kept, "ann")
    users.take("ann", inbound(impression("ann", ("war-1",), "list-1", at=1e6), 0), key)
    clock[0] += 0.01
    users.wake("ann", key)
    assert not [message for message in shelf.messages if message.topic == RANKING_LOG and shown(message)]
    due = max(at for at, _ in kept.timers)
    assert NOW + MATURES_AFTER <= due < NOW + MATURES_AFTER + 1.0
    clock[0] = due
    users.wake("ann", key)
    assert [message.value.list_id for message in shelf.messages if shown(message)] == ["list-1"]


def shown(message: Message) -> bool:
    return type(message.value).__name__ == "ListOutcome"


def test_the_default_list_is_published_by_its_own_timer_when_it_is_due() -> None:
    shelf, kept, clock = Shelf(), Kept(), [NOW]
    users, key = UserBatches(make_task(shelf, clock)), Key(kept, DEFAULT_USER)
    users.take(DEFAULT_USER, b"", key)
    users.wake(DEFAULT_USER, key)
    users.wake(DEFAULT_USER, key)
    assert [message.key for message in shelf.messages if message.topic == RECOMMENDATIONS] == [DEFAULT_USER]
    assert max(at for at, _ in kept.timers) == NOW + 1.0


def test_states_name_their_format_and_newer_ones_are_refused() -> None:
    assert unpack_user(pack_user(KeyedUser(record=b"r"))).format == FORMAT
    with pytest.raises(UnknownStateFormat, match="format 2"):
        unpack_user(pack_user(KeyedUser(format=FORMAT + 1, record=b"r")))


def test_older_code_and_newer_code_read_each_others_fields() -> None:
    class Wider(msgspec.Struct):
        record: bytes
        format: int = FORMAT
        applied: dict[str, int] = {}
        added: int = 7

    older = msgspec.msgpack.encode({"format": 1, "record": b"r"})
    assert unpack_user(older) == KeyedUser(record=b"r")
    assert unpack_user(msgspec.msgpack.encode(Wider(b"r"))) == KeyedUser(record=b"r")


class AwayFor:
    """Projected states of a store that is away for its first calls."""

    def __init__(self, calls: int) -> None:
        self.calls, self.states = calls, {}

    def project(self, scope: str, partition: int, states: dict[str, bytes]) -> None:
        if self.calls:
            self.calls -= 1
            raise StoreUnavailable("away")
        self.states |= {(scope, partition, user): state for user, state in states.items()}


def test_a_projection_waits_for_its_store_and_then_writes_the_newest_states() -> None:
    store, clock = AwayFor(1), [0.0]
    projection = UserProjection(store, PROJECTED_PEOPLE, clock=lambda: clock[0])
    projection.project(1, {"ann": b"1"})
    projection.project(1, {"ann": b"2"})
    assert store.states == {}
    clock[0] = 6.0
    projection.project(2, {"bob": b"1"})
    assert store.states == {(PROJECTED_PEOPLE, 1, "ann"): b"2", (PROJECTED_PEOPLE, 2, "bob"): b"1"}
