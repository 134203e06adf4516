"""A system under test: its own topics on the session's real servers, with workers as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from msgspec.structs import replace

from deploy.clients import make_cluster, make_publisher, make_store
from deploy.settings import Settings
from deploy.topics import create_topics
from deploy.wiring import make_options, weights_path
from features.item_table import ItemTable
from features.ports import StateStore
from inference.learning.weights_file import initial_weights, read_weights, write_weights
from inference.local_ranker import LocalRanker
from inference.ranking.features import FeatureTable
from inference.recommender import Recommender
from schemas.codec import decode, encode
from schemas.errors import StoreUnavailable
from schemas.recommendations import Recommendation
from schemas.record import Record
from schemas.topics import INTERACTIONS, ITEM_DELTAS, RECOMMENDATIONS
from streams.handlers.deps import Deps
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import KafkaTableReader
from streams.log.records import Inbound
from streams.routes import AGGREGATOR, WORKER_INPUTS
from streams.state.partition_store import PEOPLE
from streams.state.rebuild import rebuild_items, rebuild_people
from tests.builders import item

_numbers = count()


def wait_until(holds: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll until it holds; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.1)


class System:
    """Topics of its own, and the processes that were started on them; `close` ends those."""

    def __init__(self, stack: Settings, folder: Path, **more: dict[str, Any]) -> None:
        prefix = f"t{os.getpid()}-{next(_numbers)}."
        given: dict[str, dict[str, Any]] = {
            "topics": {"prefix": prefix, "person_partitions": 4, "item_partitions": 4},
            "worker": {"session_timeout_ms": 6_000, "metrics_port": 0},
        }
        for section, values in more.items():
            given.setdefault(section, {}).update(values)
        updates = {name: getattr(stack, name).model_copy(update=values) for name, values in given.items()}
        self.settings = stack.model_copy(update=updates | {"data_dir": stack.data_dir})
        self._given = given
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.instead: dict[str, tuple[str, ...]] = {}
        """Programs that are started by another module than our command line, with its arguments."""
        self._forget_what_others_learned()
        self.cluster = make_cluster(self.settings)
        self._admin = KafkaAdmin(self.cluster)
        create_topics(self.settings, self._admin)
        self.publisher = make_publisher(self.settings, receipts=True)
        self.store = make_store(self.settings)

    def _forget_what_others_learned(self) -> None:
        """All systems of a session share Triton, and with it the file of weights: whoever starts first begins anew.

        What is there fits no feature table any more, but versions go on from it.
        """
        path = weights_path(self.settings)
        if path.is_file():
            write_weights(path, replace(read_weights(path), table="of another test"))

    def start(self, program: str = "worker") -> subprocess.Popen[bytes]:
        """Start one of our programs on this system; with the first worker, the owner of item statistics too."""
        if program == "worker" and not self._processes:
            self._start("statistics")
        return self._start(program)

    def command(self, *arguments: str) -> str:
        """Run one of our commands on this system; what it prints. Raises CalledProcessError if it fails."""
        command = [sys.executable, "-m", "deploy.cli", *arguments]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, timeout=60)
        done.check_returncode()
        return done.stdout

    def _start(self, program: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *self.instead.get(program, ("deploy.cli",)), program]
        with (self._folder / f"{program}-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=subprocess.STDOUT)
        self._processes.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        """That of a process of ours on this system, and nothing of another one."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFELONG_")}
        environment |= {"LIFELONG_DATA_DIR": str(self.settings.data_dir), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        for section, values in self._given.items():
            environment |= {f"LIFELONG_{section}__{key}".upper(): _text(value) for key, value in values.items()}
        return environment

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9."""
        process.kill()
        process.wait()

    def close_processes(self) -> None:
        """End every process that still runs, as an operator would."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill(process)

    def close(self) -> None:
        """Leave nothing behind."""
        self.close_processes()
        self.publisher.close()

    def catalogue(self, *, per_category: int = 8) -> None:
        """Films of three categories: war-0…, comedy-0…, drama-0…"""
        for category in ("war", "comedy", "drama"):
            for number in range(per_category):
                self.publisher.send("items", f"{category}-{number}", encode(item(f"{category}-{number}", category)))
        self.publisher.flush()

    def send(self, events: Sequence[Record], topic: str = INTERACTIONS) -> None:
        """Produce events and wait until Kafka has them."""
        self.publisher.deliver(topic, [(event.user_id, encode(event)) for event in events])  # type: ignore[attr-defined]

    def records(self, *topics: str) -> list[Inbound]:
        """Everything on these topics."""
        reader = KafkaTableReader(self.cluster, topics)
        try:
            return reader.catch_up()
        finally:
            reader.close()

    def lists(self) -> list[Recommendation]:
        """Every list on the topic, those for people never seen left out."""
        found = [decode(RECOMMENDATIONS, record.value, now=time.time()) for record in self.records(RECOMMENDATIONS)]
        return [made for made in found if made.user_id != "@default"]

    def newest(self, user: str) -> Recommendation | None:
        """The person's list of the highest version."""
        return max((made for made in self.lists() if made.user_id == user), key=lambda m: m.version, default=None)

    def wait_applied(self, *, seconds: float = 60.0) -> None:
        """Until every record about people, and every delta that follows, is in the state store."""
        wait_until(self._surely_applied, seconds=seconds, what="all records applied")

    def _surely_applied(self) -> bool:
        """A store that is away says nothing of what is applied."""
        try:
            return self._all_applied()
        except StoreUnavailable:
            return False

    def _all_applied(self) -> bool:
        scopes = ((PEOPLE, WORKER_INPUTS), ("items", tuple(AGGREGATOR)))
        for scope, topics in scopes:
            applied: dict[str, int] = {}
            for partition in range(4):
                applied |= self.store.applied(scope, partition)
            ends = self._admin.ends(topics)
            if any(applied.get(f"{topic}-{partition}", -1) + 1 < end for (topic, partition), end in ends.items()):
                return False
        return True

    def undisturbed(self) -> tuple[StateStore, StateStore]:
        """People and item statistics as one worker that nothing ever happened to would have them."""
        table, features = ItemTable(), FeatureTable()
        recommender = Recommender(table, LocalRanker(initial_weights(features.columns)), features=features)
        deps = Deps(table=table, recommender=recommender, clock=time.time, options=make_options(self.settings))
        from streams.worker.tables import apply_tables

        apply_tables(self.records("items"), deps)
        people = rebuild_people(self.records(*WORKER_INPUTS), deps)
        # Of what was published twice the first: offsets are to grow, or what lies between them is taken for folded.
        deltas: dict[tuple[int, bytes | None], Inbound] = {}
        for delta in self.records(ITEM_DELTAS):
            deltas.setdefault((delta.partition, delta.value), delta)
        return people, rebuild_items(list(deltas.values()), deps)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def hung(pid: int) -> Iterator[None]:
    """A process and its children that answer nothing for a while: stopped, not ended."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        yield
    finally:
        for process in family:
            process.resume()
