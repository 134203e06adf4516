"""`lifelong down` and `lifelong up --engine …` switch the engine of item statistics: every delta is counted once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from msgspec.structs import replace

from deploy.clients import make_cluster, make_publisher
from deploy.embedded.processes import processes_of
from deploy.embedded.stack import FLINK_NAMES, Stack
from deploy.letters import folded, readable
from deploy.settings import Settings
from features.statistics import NEIGHBOURS, PREDECESSORS
from schemas.codec import encode
from schemas.statistics import ItemDelta
from schemas.topics import DEAD_LETTERS, ITEM_DELTAS
from streams.log.kafka_client import KafkaTableReader
from tests.e2e.system import wait_until
from tests.integration.published_rows import Published, assert_equal, python_rows, send
from tests.integration.recorded_deltas import recorded_deltas

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]

ENGINES = ("python", "flink", "python")
DELTAS_EACH = 1_000
SERVERS = frozenset({"kafka", "redis"}) | FLINK_NAMES


def unheard(name: str, what: str) -> None:
    """A report that nobody reads."""


@contextmanager
def aggregated_by(engine: str, data_dir: Path) -> Iterator[Settings]:
    """Start the stack of a data directory with an engine, and stop it: of Lifelong's processes, `statistics` works."""
    base = Settings(statistics={"engine": engine})
    stack = Stack(base.model_copy(update={"data_dir": data_dir}), module="tests.integration.idle")
    try:
        stack.up(unheard, names=SERVERS, programs=True)
        yield stack.settings()
    finally:
        stack.down()
    assert processes_of(data_dir) == []


def send_broken(settings: Settings, delta: ItemDelta) -> None:
    """Produce three deltas that cannot be used: one that is no JSON, one of another item's key, one out of bounds."""
    sound = encode(replace(delta, offset=delta.offset + 1_000_000))
    negative = encode(replace(delta, offset=delta.offset + 2_000_000, weight=-1.0))
    publisher = make_publisher(settings)
    publisher.deliver(ITEM_DELTAS, [(delta.item_id, b"{"), (f"not-{delta.item_id}", sound), (delta.item_id, negative)])
    publisher.close()


def are_refused(settings: Settings, count: int) -> bool:
    """Return whether so many deltas are dead letters, a third of them for each reason."""
    reader = KafkaTableReader(make_cluster(settings), (DEAD_LETTERS,))
    letters = folded(readable(reader.catch_up(), now=time.time()))
    reader.close()
    reasons = Counter(letter.reason for letter in letters if letter.topic == ITEM_DELTAS)
    return reasons == dict.fromkeys(("not-json", "wrong-key", "invalid"), count // 3)


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the stack of these settings."""
    environment = os.environ | {"LIFELONG_DATA_DIR": str(settings.data_dir)}
    words = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)


def assert_job_is_shown(settings: Settings) -> None:
    """Commands and metrics show the job that has read everything, and store its state while it goes on."""
    users, statistics = json.loads(command(settings, "flink", "status", "--json").stdout)
    assert (users["job"], users["state"]) == ("users", "not running")
    assert (statistics["job"], statistics["state"], statistics["tasks"]) == (
        "item-statistics",
        "running",
        settings.flink.parallelism,
    )
    assert statistics["waiting"] == 0.0
    found = command(settings, "flink", "savepoint", "item-statistics").stdout.strip()
    assert (Path(found.removeprefix("file:")) / "_metadata").is_file()
    refused = command(settings, "flink", "cancel", "item-statistics")
    assert refused.returncode == 1
    assert "process statistics keeps job item-statistics running" in refused.stderr
    checks = json.loads(command(settings, "doctor", "--json").stdout)
    assert {"name": "job item-statistics", "level": "ok"}.items() <= next(
        check.items() for check in checks if check["name"] == "job item-statistics"
    )
    lag = re.compile(r'^lifelong_lag_records{partition="\d+",topic="item-deltas"} (\S+)$', re.MULTILINE)
    with urlopen(f"http://127.0.0.1:{settings.statistics.metrics_port}/metrics") as answer:
        assert {float(each) for each in lag.findall(answer.read().decode())} == {0.0}


def test_every_delta_is_counted_once_when_the_engine_is_switched_there_and_back(tmp_path: Path) -> None:
    deltas = recorded_deltas(DELTAS_EACH * len(ENGINES))
    for number, engine in enumerate(ENGINES):
        with aggregated_by(engine, tmp_path) as settings:
            send(settings, deltas[number * DELTAS_EACH : (number + 1) * DELTAS_EACH])
            send_broken(settings, deltas[number * DELTAS_EACH])
            # One undisturbed run of the Python aggregator over all deltas so far.
            wanted = python_rows(settings)
            published = Published(settings)
            published.wait_for(wanted, seconds=60.0, quiet=2.0)
            published.close()
            wait_until(partial(are_refused, settings, 3 * (number + 1)), seconds=20.0, what="dead letters")
            if engine == "flink":
                assert_job_is_shown(settings)
        assert_equal(published.rows, wanted)
    # The store has lost nothing, and nobody says so.
    assert "lost what it was given" not in (tmp_path / "logs" / "statistics.log").read_text()
    shutil.rmtree(tmp_path)
    assert sum(row.count for row in published.rows.values()) == sum(not delta.withheld for delta in deltas)
    for item, row in wanted.items():
        own = published.rows[item]
        if len(row.covisits) < NEIGHBOURS:
            assert own.covisits == pytest.approx(row.covisits, rel=1e-9, abs=1e-15), item
        if len(row.transitions) < PREDECESSORS:
            assert own.transitions == pytest.approx(row.transitions, rel=1e-9, abs=1e-15), item
