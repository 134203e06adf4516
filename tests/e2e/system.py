"""A system under test: its own topics on the session's real servers, with workers as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace
from pydantic import SecretStr

from deploy.acls import grant_access
from deploy.clients import make_cluster, make_publisher, make_store
from deploy.embedded import choices
from deploy.embedded.endpoints import kafka_login
from deploy.embedded.environment import user_cache_dir
from deploy.embedded.kernels import CACHE_VARIABLE, kernel_cache
from deploy.settings import Settings
from deploy.topics import create_topics
from deploy.wiring import make_options, weights_path
from features.ports import StateStore
from inference.learning.weights_file import initial_weights, read_weights, write_weights
from inference.local_ranker import LocalRanker
from inference.ranking.features import FeatureTable
from inference.recommender import Recommender
from inference.signals.registry import make_item_table
from schemas.codec import decode, encode
from schemas.recommendations import Recommendation
from schemas.record import Record
from schemas.topics import INTERACTIONS, ITEM_DELTAS, RECOMMENDATIONS
from streams.handlers.deps import Deps
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import KafkaTableReader
from streams.log.kafka_errors import KafkaAway
from streams.log.records import Inbound
from streams.retry import SERVER_AWAY
from streams.routes import AGGREGATOR, WORKER_INPUTS
from streams.state.partition_store import PEOPLE
from streams.state.rebuild import rebuild_items, rebuild_people
from tests.builders import item

LOG_END_CHARS = 6_000
_numbers = count()


def wait_until(holds: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll until `holds` returns true; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.1)


class System:
    """A system with topics of its own and its processes; `close` ends them."""

    def __init__(self, stack: Settings, folder: Path, **more: dict[str, Any]) -> None:
        prefix = f"t{os.getpid()}-{next(_numbers)}."
        overrides: dict[str, dict[str, Any]] = {
            "topics": {"prefix": prefix, "person_partitions": 4, "item_partitions": 4},
            "worker": {"session_timeout_ms": 6_000, "metrics_port": 0},
            "statistics": {"metrics_port": 0},
        }
        for section, values in more.items():
            overrides.setdefault(section, {}).update(values)
        updates = {name: getattr(stack, name).model_copy(update=values) for name, values in overrides.items()}
        self.settings = stack.model_copy(update=updates | {"data_dir": stack.data_dir})
        self._overrides = overrides
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.instead: dict[str, tuple[str, ...]] = {}
        """Programs that another module than the command line starts, with its arguments."""
        self._invalidate_learned_weights()
        self.cluster = make_cluster(self.settings)
        self._admin = KafkaAdmin(self.cluster)
        create_topics(self.settings, self._admin)
        grant_access(self.settings, self._admin)
        self.publisher = make_publisher(self.settings, receipts=True)
        self.store = make_store(self.settings)

    def _invalidate_learned_weights(self) -> None:
        """Invalidate the file of weights: all systems of a session share Triton and it, and each begins untrained.

        The weights fit no feature table afterwards, but versions go on from theirs.
        """
        path = weights_path(self.settings)
        if path.is_file():
            write_weights(path, replace(read_weights(path), table="of another test"))

    def start(self, program: str = "worker") -> subprocess.Popen[bytes]:
        """Start a program on this system; with the first worker, the item-statistics aggregator too."""
        if program == "worker" and not self._processes:
            self._start("statistics")
        return self._start(program)

    def command(self, *arguments: str) -> str:
        """Run a command on this system and return its output. Raises CalledProcessError if it fails."""
        command = [sys.executable, "-m", "deploy.cli", *arguments]
        completed = subprocess.run(command, env=self._environment(), capture_output=True, text=True, timeout=60)
        completed.check_returncode()
        return completed.stdout

    def _start(self, program: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *self.instead.get(program, ("deploy.cli",)), program]
        with (self._folder / f"{program}-{len(self._processes)}.log").open("wb") as log:
            environment = self._environment() | self.login(program)
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self._processes.append(process)
        return process

    def log(self, program: str) -> str:
        """Return what all processes of a program have logged so far."""
        return "".join(path.read_text() for path in sorted(self._folder.glob(f"{program}-*.log")))

    def newest_logs(self) -> str:
        """Return the end of the log of each process, and of each server."""
        logs = [*sorted(self._folder.glob("*.log")), *sorted((self.settings.data_dir / "logs").glob("*.log"))]
        return "\n".join(f"{path.name}: …{path.read_text(errors='replace')[-LOG_END_CHARS:]}" for path in logs)

    def login(self, process: str) -> dict[str, str]:
        """Return the variables by which a process logs in to Kafka as its own principal, with no more rights."""
        login = self._kafka_login(process)
        return {f"LIFELONG_KAFKA__{name}".upper(): value for name, value in login.items()}

    def of(self, process: str) -> Settings:
        """Return the settings of a process: this system's, with the process's own login to Kafka."""
        login = self._kafka_login(process)
        own = {"sasl_username": login["sasl_username"], "sasl_password": SecretStr(login["sasl_password"])}
        return self.settings.model_copy(update={"kafka": self.settings.kafka.model_copy(update=own)})

    def _kafka_login(self, process: str) -> dict[str, str]:
        chosen = choices.read(self.settings.data_dir / "choices.json")
        return kafka_login(process, chosen, self.settings.kafka.principal_prefix)

    def _environment(self) -> dict[str, str]:
        """Return the environment of a process on this system, without settings of any other."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFELONG_")}
        environment |= {"LIFELONG_DATA_DIR": str(self.settings.data_dir), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        environment |= {CACHE_VARIABLE: str(kernel_cache(user_cache_dir()))}
        for section, values in self._overrides.items():
            environment |= {f"LIFELONG_{section}__{key}".upper(): _text(value) for key, value in values.items()}
        return environment

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process by SIGKILL."""
        process.kill()
        process.wait()

    def close_processes(self) -> None:
        """End every running process, as an operator would."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill(process)

    def close(self) -> None:
        """End processes, close the publisher and delete the topics: with thousands a broker is slow to come back."""
        self.close_processes()
        self.publisher.close()
        with suppress(KafkaException, KafkaAway):
            names = list(map(self.cluster.topic, self._admin.partitions()))
            for response in AdminClient(self.cluster.config()).delete_topics(names).values():
                response.result(30)

    def catalogue(self, *, per_category: int = 8) -> None:
        """Send a catalogue of three categories: war-0…, comedy-0…, drama-0…"""
        for category in ("war", "comedy", "drama"):
            for number in range(per_category):
                self.publisher.send("items", f"{category}-{number}", encode(item(f"{category}-{number}", category)))
        self.publisher.flush()

    def send(self, events: Sequence[Record], topic: str = INTERACTIONS) -> None:
        """Produce events and wait until Kafka has them."""
        self.publisher.deliver(topic, [(event.user_id, encode(event)) for event in events])  # type: ignore[attr-defined]

    def records(self, *topics: str) -> list[Inbound]:
        """Return all records of these topics."""
        reader = KafkaTableReader(self.cluster, topics)
        try:
            return reader.catch_up()
        finally:
            reader.close()

    def lists(self) -> list[Recommendation]:
        """Return every list on the topic but the non-personalised ones."""
        records = [record for record in self.records(RECOMMENDATIONS) if record.value]
        published = [decode(RECOMMENDATIONS, record.value, now=time.time()) for record in records]
        return [each for each in published if each.user_id != "@default"]

    def newest(self, user: str) -> Recommendation | None:
        """Return the user's list of the highest version."""
        own = (each for each in self.lists() if each.user_id == user)
        return max(own, key=lambda recommendation: recommendation.version, default=None)

    def wait_applied(self, *, seconds: float = 60.0) -> None:
        """Wait until every record of the user topics, and every delta that follows, is in the state store."""
        wait_until(self._is_applied_for_sure, seconds=seconds, what="all records applied")

    def _is_applied_for_sure(self) -> bool:
        """Return whether all records are applied; a store or a broker that is away cannot tell."""
        try:
            return self._all_applied()
        except SERVER_AWAY:
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
        """Return users and item statistics as a worker without any interruption would have stored them."""
        table, features = make_item_table(), FeatureTable()
        recommender = Recommender(table, LocalRanker(initial_weights(features.columns)), features=features)
        deps = Deps(table=table, recommender=recommender, clock=time.time, options=make_options(self.settings))
        from streams.worker.tables import apply_tables

        apply_tables(self.records("items"), deps)
        users = rebuild_people(self.records(*WORKER_INPUTS), deps)
        # The first of deltas that were published twice: of falling offsets the fold would skip those in between.
        deltas: dict[tuple[int, bytes | None], Inbound] = {}
        for delta in self.records(ITEM_DELTAS):
            deltas.setdefault((delta.partition, delta.value), delta)
        return users, rebuild_items(list(deltas.values()), deps)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def hung(pid: int) -> Iterator[None]:
    """Suspend a process and its children within this context: they answer nothing, and do not end."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        yield
    finally:
        for process in family:
            process.resume()
