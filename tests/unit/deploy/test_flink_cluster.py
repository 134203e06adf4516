"""A Flink cluster as its REST interface shows it: positions of partitions, rescaling, refusals in its own words."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from prometheus_client import REGISTRY

from deploy.flink.cluster import FlinkCluster, FlinkUnavailable
from deploy.flink.health import NAMES_EACH, health
from deploy.flink.job import FlinkJob
from deploy.flink.jobs import look
from deploy.monitoring.flink_gauges import report_lag
from streams.state.positions import Bounds

PARTITIONS = {("p.interactions", partition): 100 + partition for partition in range(2 * NAMES_EACH + 1)}
"""The offset of the last record read; more than one request may name."""
UNREAD = ("p.plan.proposals", 0)
SOURCE = "Source__records[1].KafkaSourceReader"
METRICS = {
    "busyTimeMsPerSecond": 250.0,
    "backPressuredTimeMsPerSecond": float("nan"),
    "numRecordsOutPerSecond": 12.5,
    f"{SOURCE}.pendingRecords": 7.0,
    **{f"{SOURCE}.topic.{t}.partition.{p}.currentOffset": float(at) for (t, p), at in PARTITIONS.items()},
    f"{SOURCE}.topic.{UNREAD[0]}.partition.{UNREAD[1]}.currentOffset": -1.0,
}
JOB = {
    "state": "RUNNING",
    "vertices": [
        {"id": "source", "parallelism": 2, "maxParallelism": 128},
        {"id": "timer", "parallelism": 1, "maxParallelism": 1},
    ],
}


class Rest(BaseHTTPRequestHandler):
    """The part of the REST interface that is asked, with a job of two operators, of which the second reads nothing."""

    bounds: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        names = parse_qs(parts.query).get("get", [""])[0].split(",")
        answers: dict[str, Any] = {
            "/jobs/overview": {"jobs": [{"jid": "j", "name": "users", "state": "RUNNING"}]},
            "/jobs/j": JOB,
            "/jobs/j/metrics": [{"id": "numRestarts", "value": "3"}],
            "/jobs/j/checkpoints": {
                "counts": {"failed": 1},
                "latest": {"completed": {"latest_ack_timestamp": 90_000, "state_size": 5}},
            },
        }
        if parts.path.endswith("/subtasks/metrics"):
            shown = METRICS if "source" in parts.path else {"busyTimeMsPerSecond": 990.0}
            kind = parse_qs(parts.query).get("agg", [""])[0]
            # As Flink's server does, whose lines have a limit.
            answers[parts.path] = [
                {"id": name, kind: value} for name, value in shown.items() if not kind or name in names
            ]
        self._answer(200 if len(self.path) < 4_096 else 414, answers[parts.path])

    def do_PUT(self) -> None:
        Rest.bounds = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(409, {"errors": ["JobManager's scheduler is not adaptive\n  at a line of Java"]})

    def _answer(self, status: int, content: Any) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[FlinkCluster]:
    with HTTPServer(("127.0.0.1", 0), Rest) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield FlinkCluster(f"127.0.0.1:{server.server_port}")
        server.shutdown()


def test_every_partition_that_was_read_has_a_position(cluster: FlinkCluster) -> None:
    seen = health(cluster, "j")
    assert seen.read == {at: offset + 1 for at, offset in PARTITIONS.items()}
    assert (seen.waiting_records, seen.records_per_second, seen.busy, seen.held_up) == (7.0, 12.5, 0.99, 0.0)
    assert (seen.restarts, seen.failed_checkpoints, seen.checkpoint_at) == (3, 1, 90.0)


def test_lag_counts_from_the_next_record_to_read() -> None:
    ends = {0: Bounds("id", 0, 10), 1: Bounds("id", 0, 4), 2: Bounds("id", 90, 100)}
    report_lag({("t", 0): 8}, {("t", partition): bounds for partition, bounds in ends.items()})
    lag = [REGISTRY.get_sample_value("lifelong_lag_records", {"topic": "t", "partition": p}) for p in "012"]
    # Of what nobody has read, what was deleted since does not wait.
    assert lag == [2.0, 4.0, 10.0]


def test_a_job_is_shown_with_its_tasks_and_the_age_of_its_checkpoint(cluster: FlinkCluster) -> None:
    made = FlinkJob(cluster, "users", (), directory=None, accept=lambda options: "")  # type: ignore[arg-type]
    row = look("users", made, now=100.0)
    assert (row.state, row.id, row.tasks, row.checkpoint_age, row.checkpoint_bytes) == ("running", "j", 2, 10.0, 5)


def test_no_operator_is_asked_for_more_tasks_than_it_may_have_and_a_refusal_is_in_one_line(
    cluster: FlinkCluster,
) -> None:
    with pytest.raises(FlinkUnavailable, match=r"answered 409: JobManager's scheduler is not adaptive$"):
        cluster.rescale("j", 4)
    assert Rest.bounds == {
        "source": {"parallelism": {"lowerBound": 1, "upperBound": 4}},
        "timer": {"parallelism": {"lowerBound": 1, "upperBound": 1}},
    }
