"""Item statistics by Flink, on a real cluster and broker: the same rows as by the Python aggregator.

`FLINK_DELTAS=200000 pytest tests/integration/test_flink_statistics.py` runs it on more of them.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from deploy.clients import make_cluster
from deploy.embedded.environment import user_cache_dir
from deploy.embedded.processes import listeners, processes_of
from deploy.embedded.stack import FLINK_NAMES, Stack
from deploy.flink.cluster import FlinkCluster, FlinkUnavailable
from deploy.flink.health import JobHealth, health
from deploy.flink.job import FlinkJob, make_job
from deploy.flink.keys import files_in, make_keys
from deploy.settings import KafkaSettings, Settings
from deploy.topics import create_topics
from features.half_lives import SUPPORT_ORDER
from features.statistics import NEIGHBOURS, PREDECESSORS
from schemas.statistics import ItemDelta, ItemStatistics
from streams.log.kafka_admin import KafkaAdmin
from tests.integration.published_rows import Published, assert_equal, python_rows, send
from tests.integration.recorded_deltas import PARTITIONS, exact_neighbours, recorded_deltas

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(900)]

DELTAS = int(os.environ.get("FLINK_DELTAS", "12000"))
SECONDS = max(120.0, DELTAS / 100)


def unheard(name: str, what: str) -> None:
    """A report that nobody reads."""


@pytest.fixture(scope="module")
def flink(kafka_server: KafkaSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A JobManager and a TaskManager, beside the session's broker with topics of their own."""
    base = Settings(
        kafka=kafka_server,
        topics={"prefix": f"flink{os.getpid()}.", "person_partitions": PARTITIONS, "item_partitions": PARTITIONS},
        statistics={"engine": "flink", "window_seconds": 1.0},
        flink={"checkpoint_seconds": 5.0},
    )
    stack = Stack(base.model_copy(update={"data_dir": tmp_path_factory.mktemp("flink")}))
    try:
        stack.up(unheard, names=FLINK_NAMES)
        settings = stack.settings()
        create_topics(settings, KafkaAdmin(make_cluster(settings)))
        yield settings
    finally:
        stack.down()
        left = processes_of(stack.layout.data_dir)
        shutil.rmtree(stack.layout.data_dir)
    assert left == []


@pytest.fixture
def job(flink: Settings) -> FlinkJob:
    """The job of item statistics."""
    return make_job(flink, user_cache_dir())


def assert_strongest(
    found: Mapping[str, float], exact: Mapping[str, float], python: Mapping[str, float], *, size: int
) -> None:
    """The neighbours are the strongest of exact sums, up to ties. The Python aggregator drops the weakest as it folds:
    where there were never more than it keeps, its neighbours are the same; its weights are never above the exact ones.
    """
    strongest = sorted(exact.values(), reverse=True)[:size]
    assert sorted(found.values(), reverse=True) == pytest.approx(strongest, rel=1e-9, abs=1e-15)
    assert dict(found) == pytest.approx({name: exact[name] for name in found}, rel=1e-9, abs=1e-15)
    if len(exact) <= size:
        assert dict(found) == pytest.approx(dict(python), rel=1e-9, abs=1e-15)
    assert all(weight <= exact[name] * (1 + 1e-9) for name, weight in python.items())


def assert_same_neighbours(
    flinks: Mapping[str, ItemStatistics], pythons: Mapping[str, ItemStatistics], deltas: Sequence[ItemDelta]
) -> None:
    counted = [delta for delta in deltas if not delta.withheld]
    covisits, transitions = exact_neighbours(counted, {item: row.at for item, row in pythons.items()})
    assert max(map(len, covisits.values())) > NEIGHBOURS
    for item, row in flinks.items():
        assert_strongest(row.covisits, covisits.get(item, {}), pythons[item].covisits, size=NEIGHBOURS)
        assert_strongest(row.transitions, transitions.get(item, {}), pythons[item].transitions, size=PREDECESSORS)


def handshake(address: tuple[str, int], context: ssl.SSLContext) -> None:
    """Open TLS to an address and read what the server says first, or until it ends the connection."""
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address, timeout=5) as plain, context.wrap_socket(plain) as secured:
        secured.recv(1)


def test_flink_answers_nobody_without_the_certificate_of_the_stack(flink: Settings, tmp_path: Path) -> None:
    make_keys(tmp_path / "strangers")
    strangers = files_in(tmp_path / "strangers")
    with_another, without = (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(2))
    with_another.load_cert_chain(strangers.certificate, strangers.key)
    sockets = {each for process in processes_of(flink.data_dir) for each in listeners(process.pid)}
    assert len(sockets) >= 5
    for address in sockets:
        assert address[0] == "127.0.0.1"
        for context in (with_another, without):
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                handshake(address, context)
    for cluster in (FlinkCluster(flink.flink.rest), FlinkCluster(flink.flink.rest, strangers)):
        with pytest.raises(FlinkUnavailable):
            cluster.begin_stop("0" * 32, "file:///tmp")
    assert FlinkCluster.of(flink.flink).slots() > 0


def assert_healthy(seen: JobHealth) -> None:
    """A job that has read everything has stored its state, and waits for deltas."""
    assert (seen.restarts, seen.waiting_records) == (0, 0.0)
    assert seen.checkpoint_at is not None
    assert 0.0 <= time.time() - seen.checkpoint_at < 60.0
    assert seen.checkpoint_bytes > 100_000
    assert 0.0 <= seen.busy <= 1.0
    assert 0.0 <= seen.held_up <= 1.0


def test_flink_publishes_the_rows_of_the_python_aggregator_also_after_it_was_stopped(
    flink: Settings, job: FlinkJob
) -> None:
    deltas = recorded_deltas(DELTAS)
    late, again, withheld = (
        sum(one.event_time < other.event_time for one, other in zip(deltas[1:], deltas, strict=False)),
        sum(delta.counted > 0 for delta in deltas),
        sum(delta.withheld for delta in deltas),
    )
    assert min(late, again, withheld) > DELTAS / 200
    half = len(deltas) // 2
    send(flink, deltas[:half])
    running = job.submit()
    published = Published(flink)
    try:
        first = python_rows(flink)
        published.wait_for(first, seconds=SECONDS)
        assert_equal(published.rows, first)

        # It goes on from a savepoint, on partitions most of which are idle first.
        job.stop(running, time.sleep)
        assert job.find() == ""
        send(flink, deltas[half : half + 1])
        assert job.find() == ""
        assert job.submit() == job.find()
        published.wait_for(python_rows(flink), seconds=SECONDS)
        send(flink, deltas[half + 1 :])
        wanted = python_rows(flink)
        published.wait_for(wanted, seconds=SECONDS)
    finally:
        published.close()
    assert_healthy(health(job.cluster, job.find()))
    assert_equal(published.rows, wanted)
    assert_same_neighbours(published.rows, wanted, deltas)
    assert published.versions_rise
    assert wanted[deltas[0].item_id].popularity[SUPPORT_ORDER] > 0.0
