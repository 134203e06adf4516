"""Watch a stack with Prometheus: where its parts tell their metrics, and a Prometheus that asks them."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from deploy.settings import Settings
from schemas.errors import LifelongError

SHIPPED = Path(__file__).with_name("prometheus")
GRAFANA = Path(__file__).with_name("grafana")
SERVER_PORTS = {"triton": "triton_metrics", "milvus": "milvus_health"}
"""Under which name the port of an embedded server's metrics was chosen (`deploy.embedded.choices`)."""
HOW_TO_GET = "install it with `apt-get install prometheus` or from https://prometheus.io/download, then run this again"


class MonitoringError(LifelongError):
    """There is nothing to watch, or nothing to watch with; the message says what to do."""


def addresses(settings: Settings, ports: Mapping[str, int]) -> dict[str, str]:
    """``host:port`` of each job's ``/metrics``: our processes by the settings, embedded servers by the chosen ports.

    >>> from deploy.settings import WorkerSettings
    >>> addresses(Settings(worker=WorkerSettings(metrics_port=9100)), {"triton_metrics": 8002})
    {'worker': '127.0.0.1:9100', 'triton': '127.0.0.1:8002'}
    """
    found = {
        "worker": ("127.0.0.1", settings.worker.metrics_port),
        "statistics": ("127.0.0.1", settings.statistics.metrics_port),
        "trainer": ("127.0.0.1", settings.trainer.metrics_port),
        "projector": ("127.0.0.1", settings.projector.metrics_port),
        "gateway": (settings.gateway.host, settings.gateway.port),
    }
    found |= {job: ("127.0.0.1", ports.get(name, 0)) for job, name in SERVER_PORTS.items()}
    return {job: f"{host}:{port}" for job, (host, port) in found.items() if port}


def write_targets(folder: Path, found: Mapping[str, str]) -> Path:
    """Write ``targets.json``, which a running Prometheus takes up within seconds; its path.

    Raises:
        MonitoringError: nothing is known that could be scraped.
    """
    if not found:
        raise MonitoringError("nothing is known to scrape: run `lifelong up`, or set worker.metrics_port and the like")
    folder.mkdir(parents=True, exist_ok=True)
    groups = [{"targets": [address], "labels": {"job": job}} for job, address in found.items()]
    path, draft = folder / "targets.json", folder / "targets.json.new"
    draft.write_text(json.dumps(groups, indent=2) + "\n")
    draft.replace(path)
    return path


def prometheus_command(folder: Path, port: int) -> tuple[str, ...]:
    """Put the shipped configuration and rules into ``folder``; how to run Prometheus on it, on the loopback interface.

    Raises:
        MonitoringError: there is no Prometheus on the path.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise MonitoringError(f"no `prometheus` is on the path: {HOW_TO_GET}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copyfile(SHIPPED / name, folder / name)
    return (
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
