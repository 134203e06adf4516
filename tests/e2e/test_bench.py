"""The bench on a real system: a burst measured from event to list, HTTP, and a comparison with what was saved."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from deploy.bench.http.report import HttpReport
from deploy.bench.report.figures import BenchReport, RunReport
from deploy.embedded.http import answers
from deploy.monitoring.targets import free_port
from schemas.topics import INTERACTIONS, RECOMMENDATIONS
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

LOAD = ("bench", "--here", "--rate", "20", "--seconds", "8", "--warmup", "1", "--users", "40", "--items", "60")
SENT = 20 * 6 + 60 * 2


@pytest.fixture
def running(make_system: Callable[..., System]) -> System:
    """A system with a worker, a projector and a gateway at known ports."""
    worker, gateway = free_port(), free_port()
    system = make_system(worker={"metrics_port": worker}, gateway={"port": gateway})
    for program in ("worker", "projector", "gateway"):
        system.start(program)
    for page in (f"http://127.0.0.1:{worker}/metrics", f"http://127.0.0.1:{gateway}/health/ready"):
        wait_until(partial(answers, page), seconds=60, what=page)
    return system


def test_a_burst_is_measured_from_end_to_end(running: System, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    text = running.command(*LOAD, "--burst", "60:2", "--save", str(file))
    [run] = msgspec.json.decode(file.read_bytes(), type=BenchReport).runs
    assert "written to Kafka" in text
    check_answers(run)
    assert run.topics[INTERACTIONS].messages_per_event == 1.0
    assert 0.5 < run.topics[RECOMMENDATIONS].messages_per_event < 1.5
    assert run.processes["kafka"].cpu_ms_per_event > 0.0
    assert run.catalogue.read_seconds is not None
    with pytest.raises(subprocess.CalledProcessError) as refused:
        running.command(*LOAD, "--compare", str(file))
    assert "burst" in refused.value.stderr
    check_http(msgspec.json.decode(running.command(*HTTP), type=HttpReport))


def check_answers(run: RunReport) -> None:
    """Check that every event was answered once, and that the burst was where it belongs."""
    found = run.answers
    assert (found.sent, found.lost, found.duplicates) == (SENT, 0, 0)
    assert [second.sent for second in found.series] == [20, 20, 60, 60, 20, 20, 20, 20]
    assert found.p50_ms is not None
    assert found.p99_ms is not None
    assert 0.0 < found.p50_ms <= found.p99_ms
    assert found.recovery is not None
    assert found.recovery.caught_up_seconds is not None


HTTP = ("bench", "http", "--here", "--seconds", "1", "--connections", "4", "--users", "20", "--items", "20", "--json")


def check_http(report: HttpReport) -> None:
    """Check that lists were read and interactions stored without an error, and that no backlog stayed."""
    assert [phase.method for phase in report.phases] == ["GET", "POST"]
    for phase in report.phases:
        assert phase.requests.errors == 0, phase.requests.statuses
        assert phase.requests.requests_per_second > 20
    assert report.phases[1].backlog_seconds is not None
