"""Users by three engines: in memory, by Faust and by Flink, the same recorded events end in the same.

`USER_EVENTS=20000 KILLS=10 pytest tests/integration/test_user_engines.py` runs it on more, with more faults.
"""

from __future__ import annotations

import copy
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from deploy.embedded.environment import user_cache_dir
from deploy.embedded.processes import processes_of
from deploy.embedded.stack import FLINK_NAMES, Stack
from deploy.flink import user_submission
from deploy.flink.cluster import FlinkCluster, FlinkUnavailable
from deploy.flink.health import health
from deploy.flink.job import FlinkJob, make_user_job
from deploy.settings import Settings
from features.memory_state import MemoryStateStore
from features.ports import StateStore
from schemas.codec import decode, encode
from schemas.record import Record
from schemas.topics import (
    DEAD_LETTERS,
    ITEM_STATISTICS,
    ITEMS,
    MEMORIES,
    MISROUTED,
    PLANS,
    RECOMMENDATIONS,
)
from streams.log.records import Inbound
from streams.state.partition_store import PEOPLE, PROJECTED_PEOPLE
from streams.state.user_record import unpack
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import make_deps
from tests.e2e.system import System, hung, wait_until
from tests.engines import Sent, catalogue, recorded_phases

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(1_800)]

COUNT = int(os.environ.get("USER_EVENTS", "1000"))
KILLS = int(os.environ.get("KILLS", "1"))
T = TypeVar("T")
SECONDS = 120.0 + COUNT / 20
PARTITIONS = 4
Users = dict[str, bytes]
ROOT = Path(__file__).parents[2]
ADDED = "field-of-newer-code"
FORWARDED = "m"
"""How the users begin whose records are all misrouted (`tests.engines`)."""


def unheard(name: str, what: str) -> None:
    """A report that nobody reads."""


class Ending:
    """What a run ends in: users after each phase, and what was published."""

    def __init__(self, users: list[Users], read: Callable[[str], Sequence[Inbound]]) -> None:
        self.users = users
        self.values = {topic: {record.value for record in read(topic)} for topic in (MEMORIES, PLANS, MISROUTED)}
        self.of_forwarded = {
            record.value for topic in (MEMORIES, PLANS) for record in read(topic) if is_forwarded(record)
        }
        letters = [decode(DEAD_LETTERS, record.value, now=time.time()) for record in read(DEAD_LETTERS)]
        self.letters = {(letter.dead_letter_id, letter.reason) for letter in letters}
        self.lists: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.newest: dict[str, tuple[int, str]] = {}
        for record in filter(lambda record: record.value, read(RECOMMENDATIONS)):
            made = decode(RECOMMENDATIONS, record.value, now=time.time())
            if not made.user_id.startswith("@"):
                items = made.user_id, tuple(ranked.item_id for ranked in made.home.items)
                # A list that is made again, from the same record, is the same.
                assert self.lists.setdefault(made.home.list_id, items) == items
                self.newest[made.user_id] = max(
                    self.newest.get(made.user_id, (0, "")), (made.version, made.home.list_id)
                )


def is_forwarded(record: Inbound) -> bool:
    return (record.key or b"").startswith(FORWARDED.encode())


def undisturbed_part(ending: Ending) -> Ending:
    """Return an ending without what follows from forwarded records. After a crash one may be forwarded again: its
    second copy has another offset, so it counts as a duplicate of an application, and the offsets behind it are others.
    """
    part = copy.copy(ending)
    part.users = [without_forwarded(users) for users in ending.users]
    part.values = {topic: values - ending.of_forwarded for topic, values in ending.values.items()}
    part.newest = without_forwarded(ending.newest)
    part.lists = {name: made for name, made in ending.lists.items() if not made[0].startswith(FORWARDED)}
    return part


def without_forwarded(by_user: dict[str, T]) -> dict[str, T]:
    return {user: value for user, value in by_user.items() if not user.startswith(FORWARDED)}


def folded(users: Users) -> dict[str, tuple[object, object]]:
    """Return what events have made of each user, and their memories."""
    return {user: ((record := unpack(state)).user, record.agent.memories) for user, state in users.items()}


class UsersAlone(InMemoryRunner):
    """The in-memory runner without its aggregator: item statistics stay as they were published."""

    def _item_deltas(self) -> bool:
        return False


@cache
def statistics() -> list[Record]:
    """Return rows of item statistics: those that follow from the events of the first phase."""
    runner = InMemoryRunner(make_deps(clock=time.time), MemoryStateStore(), batch=500)
    for sent in (*catalogue_records(), *recorded_phases(COUNT)[0][:1_000]):
        runner.send(sent.topic, sent.key, sent.value)
    runner.run()
    newest = {record.key: record.value for record in runner.log.records(ITEM_STATISTICS)}
    return [decode(ITEM_STATISTICS, value, now=time.time()) for value in newest.values()]


def catalogue_records() -> list[Sent]:
    return [Sent(ITEMS, one.item_id, encode(one)) for one in catalogue()]


def tables() -> list[Sent]:
    return catalogue_records() + [Sent(ITEM_STATISTICS, row.item_id, encode(row)) for row in statistics()]  # type: ignore[attr-defined]


def users_in(store: StateStore, scope: str) -> Users:
    return {user: state for partition in range(PARTITIONS) for user, state in store.scan(scope, partition)}


@pytest.fixture(scope="module")
def in_memory() -> Ending:
    store, users = MemoryStateStore(), []
    runner = UsersAlone(make_deps(clock=time.time), store, batch=50)
    for phase in (tables(), *recorded_phases(COUNT)):
        for sent in phase:
            runner.send(sent.topic, sent.key, sent.value)
        runner.run()
        users.append(users_in(store, PEOPLE))
    return Ending(users[1:], runner.log.records)


@pytest.fixture
def system(embedded: Stack, tmp_path: Path) -> Iterator[System]:
    """Topics of their own on the session's broker, with the catalogue, and a worker that ranks by itself."""
    embedded.up(unheard, names=frozenset({"kafka", "redis"}))
    made = System(embedded.settings(), tmp_path, triton={"grpc": ""})
    produce(made, tables())
    yield made
    made.close()


def produce(system: System, phase: Sequence[Sent]) -> None:
    for sent in phase:
        system.publisher.send(*sent)
    system.publisher.flush()


def play(
    system: System,
    scope: str,
    wanted: Ending,
    send: Callable[[int, Sequence[Sent]], None],
    of: Callable[[Users], object] = lambda users: users,
) -> Ending:
    """Send phase after phase, each once the users are as in memory after the one before, as far as `of` them goes."""
    ends: list[Users] = []
    for number, phase in enumerate(recorded_phases(COUNT)):
        send(number, phase)
        wait_until(
            lambda number=number: of(users_in(system.store, scope)) == of(wanted.users[number]),  # type: ignore[misc]
            seconds=SECONDS,
            what=f"users after phase {number}",
        )
        ends.append(users_in(system.store, scope))
    return Ending(ends, system.records)


def list_ids(ending: Ending) -> dict[str, str]:
    return {user: list_id for user, (_, list_id) in ending.newest.items()}


def assert_same(ending: Ending, wanted: Ending) -> None:
    assert ending.users == wanted.users
    assert ending.values == wanted.values
    assert ending.letters == wanted.letters
    # A duplicate in the same batch raises the version of a list that it does not cause.
    assert list_ids(ending) == list_ids(wanted)
    assert len(ending.newest) >= 15
    common = ending.lists.keys() & wanted.lists.keys()
    assert len(common) >= len(ending.newest)
    assert {name: ending.lists[name] for name in common} == {name: wanted.lists[name] for name in common}


def test_faust_ends_in_what_the_in_memory_runner_ends_in(system: System, in_memory: Ending) -> None:
    system._start("worker")
    assert_same(play(system, PEOPLE, in_memory, lambda number, phase: produce(system, phase)), in_memory)


@pytest.fixture(scope="module")
def flink(embedded: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A JobManager and a TaskManager beside the session's broker."""
    embedded.up(unheard, names=frozenset({"kafka", "redis"}))
    base = embedded.settings().model_copy(update={"data_dir": tmp_path_factory.mktemp("flink")})
    worker = base.worker.model_copy(update={"engine": "flink"})
    stack = Stack(base.model_copy(update={"worker": worker}))
    try:
        stack.up(unheard, names=FLINK_NAMES)
        yield stack
    finally:
        stack.down()
        left = processes_of(stack.layout.data_dir)
        shutil.rmtree(stack.layout.data_dir)
    assert left == []


def user_job(system: System, flink: Stack, folder: Path, *, tasks: int = 1) -> tuple[Settings, FlinkJob]:
    """Return the settings of a system whose users Flink handles, and the job."""
    own = flink.settings().flink.model_copy(update={"checkpoint_seconds": 2.0, "user_parallelism": tasks})
    worker = system.settings.worker.model_copy(update={"engine": "flink"})
    settings = system.of("worker").model_copy(update={"flink": own, "worker": worker, "data_dir": folder})
    return settings, make_user_job(settings, user_cache_dir())


def test_flink_ends_in_what_the_in_memory_runner_ends_in(
    system: System, flink: Stack, in_memory: Ending, tmp_path: Path
) -> None:
    _, job = user_job(system, flink, tmp_path)
    running = job.submit()
    try:
        assert_same(play(system, PROJECTED_PEOPLE, in_memory, lambda number, phase: produce(system, phase)), in_memory)
    finally:
        job.stop(running, time.sleep)


def kill_taskmanager(flink: Stack, job: FlinkJob, rng: random.Random) -> None:
    """Kill the TaskManager some time after the job has begun to work: within a batch or between two. Return once the
    job works again, which is another attempt.
    """
    time.sleep(rng.uniform(0.0, 5.0))
    began = time.time()
    os.kill(flink.pids()["taskmanager"], signal.SIGKILL)
    wait_until(lambda: works_since(job, began), seconds=SECONDS, what="a job that works again")


def works_since(job: FlinkJob, began: float) -> bool:
    """Return whether the job's tasks have been started after a time, and all run."""
    tasks = job.cluster.get(f"/jobs/{job.find()}")["vertices"]
    ready = all(task["status"] in ("RUNNING", "FINISHED") for task in tasks)
    return ready and all(task["start-time"] > began * 1_000 for task in tasks if task["status"] == "RUNNING")


def newer_code(folder: Path) -> Path:
    """Return a copy of the code in which the state of a user has one more field."""
    for package in ("schemas", "features", "agents", "inference", "streams", "deploy", "lifelong.egg-info"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    state = folder / "streams" / "flink" / "keyed_user.py"
    field = "    applied: dict[str, int] = {}\n"
    assert state.read_text().count(field) == 1
    state.write_text(state.read_text().replace(field, f'{field}    added: str = "{ADDED}"\n'))
    return folder


def has_been_added(savepoint: str) -> bool:
    """Return whether states of a savepoint have the field that `newer_code` adds."""
    files = Path(savepoint.removeprefix("file:")).iterdir()
    return any(ADDED.encode() in file.read_bytes() for file in files)


def kill(flink: Stack, name: str) -> None:
    """Kill a process of Flink; return once the cluster has slots again."""
    pid = flink.pids()[name]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: flink.pids().get(name, pid) != pid and has_slots(flink), seconds=SECONDS, what="a whole cluster")


def has_slots(flink: Stack) -> bool:
    try:
        return FlinkCluster.of(flink.settings().flink).slots() > 0
    except FlinkUnavailable:
        return False


class Faults:
    """What happens to the job of users while records come, phase by phase; `job` is the one that runs last."""

    def __init__(self, system: System, embedded: Stack, flink: Stack, folder: Path) -> None:
        self._system, self._embedded, self._flink, self._folder = system, embedded, flink, folder
        self._rng = random.Random(5)
        self.job = self._made(tasks=1)
        self.job.submit()

    def _made(self, *, tasks: int) -> FlinkJob:
        return user_job(self._system, self._flink, self._folder, tasks=tasks)[1]

    def send(self, number: int, phase: Sequence[Sent]) -> None:
        """Send the records of a phase, with its faults between them."""
        faults = (self.kill_taskmanagers, self.rescale_and_lose_kafka, self.upgrade_and_kill_jobmanager)
        if number < len(faults):
            faults[number](phase)
        else:
            produce(self._system, phase)

    def kill_taskmanagers(self, phase: Sequence[Sent]) -> None:
        for part in range(KILLS):
            produce(self._system, phase[len(phase) * part // (KILLS + 1) : len(phase) * (part + 1) // (KILLS + 1)])
            wait_until(lambda: works_since(self.job, 0.0), seconds=SECONDS, what="a job at work")
            kill_taskmanager(self._flink, self.job, self._rng)
        produce(self._system, phase[len(phase) * KILLS // (KILLS + 1) :])

    def rescale_and_lose_kafka(self, phase: Sequence[Sent]) -> None:
        # With records that wait: they are handled by other tasks than those that would have.
        produce(self._system, phase[: len(phase) // 2])
        began = time.time()
        self.job.cluster.rescale(self.job.find(), 2)
        wait_until(lambda: works_since(self.job, began), seconds=SECONDS, what="a job that was rescaled")
        assert self.job.cluster.tasks(self.job.find()) == 2
        produce(self._system, phase[len(phase) // 2 :])
        with hung(self._embedded.pids()["kafka"]):
            time.sleep(6.0)

    def _has_checkpoint(self) -> bool:
        return health(self.job.cluster, self.job.find()).checkpoint_at is not None

    def upgrade_and_kill_jobmanager(self, phase: Sequence[Sent]) -> None:
        produce(self._system, phase[: len(phase) // 3])
        assert not has_been_added(self.job.stop(self.job.find(), time.sleep))
        kill(self._flink, "taskmanager")
        self.job = self._made(tasks=1)
        self.job.submit()
        produce(self._system, phase[len(phase) // 3 : len(phase) * 2 // 3])
        wait_until(
            lambda: health(self.job.cluster, self.job.find()).checkpoint_at, seconds=SECONDS, what="a checkpoint"
        )
        kill(self._flink, "jobmanager")
        # It has forgotten the job, which the process that keeps it submits again.
        assert self.job.find() == ""
        self.job.submit()
        produce(self._system, phase[len(phase) * 2 // 3 :])


def test_flink_ends_in_the_same_whatever_is_killed_stopped_rescaled_or_upgraded(
    system: System, embedded: Stack, flink: Stack, in_memory: Ending, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills at random moments, 1, 2 and 1 tasks, Kafka away, code with one more field, and a JobManager that forgets
    the job: nothing is lost, and nothing done twice.
    """
    faults = Faults(system, embedded, flink, tmp_path / "data")
    code = newer_code(tmp_path / "code")
    monkeypatch.setattr(user_submission, "code_root", lambda: code)
    ending = play(system, PROJECTED_PEOPLE, in_memory, faults.send, of=folded)
    assert_same(undisturbed_part(ending), undisturbed_part(in_memory))
    assert has_been_added(faults.job.stop(faults.job.find(), time.sleep))
