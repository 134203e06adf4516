"""Watch a stack with Prometheus: where its parts serve metrics, and a Prometheus that scrapes them."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from deploy.settings import Settings
from deploy.settings.ports import process_ports
from schemas.errors import LifelongError

SHIPPED = Path(__file__).with_name("prometheus")
GRAFANA = Path(__file__).with_name("grafana")
SERVER_PORTS = {"triton": "triton_metrics", "milvus": "milvus_health"}
"""The name in `deploy.embedded.choices` of the port of each embedded server's metrics."""
HOW_TO_GET = "install it with `apt-get install prometheus` or from https://prometheus.io/download, then run this again"


class MonitoringError(LifelongError):
    """There is nothing to scrape, or no Prometheus; the message says what to do."""


def addresses(settings: Settings, ports: Mapping[str, int]) -> dict[str, str]:
    """Return ``host:port`` of each job's ``/metrics``: processes by the settings, embedded servers by chosen ports.

    >>> from deploy.settings import WorkerSettings
    >>> addresses(Settings(worker=WorkerSettings(metrics_port=9100)), {"triton_metrics": 8002})
    {'worker': '127.0.0.1:9100', 'triton': '127.0.0.1:8002'}
    """
    is_on = {"perceiver": settings.perception.enabled, "planner": settings.llm.enabled}
    hosts = {
        name: (settings.gateway.host if name == "gateway" else "127.0.0.1", port if is_on.get(name, True) else 0)
        for name, port in process_ports(settings).items()
    }
    hosts["tasks"] = ("127.0.0.1", settings.flink.metrics_port if settings.worker.engine == "flink" else 0)
    hosts |= {job: ("127.0.0.1", ports.get(name, 0)) for job, name in SERVER_PORTS.items()}
    return {job: f"{host}:{port}" for job, (host, port) in hosts.items() if port}


def write_targets(folder: Path, targets: Mapping[str, str]) -> Path:
    """Write ``targets.json``, which a running Prometheus reads within seconds; return its path.

    Raises:
        MonitoringError: there is no target.
    """
    if not targets:
        raise MonitoringError("there is nothing to scrape: run `lifelong up`, or set worker.metrics_port and the like")
    folder.mkdir(parents=True, exist_ok=True)
    groups = [{"targets": [address], "labels": {"job": job}} for job, address in targets.items()]
    path, draft = folder / "targets.json", folder / "targets.json.new"
    draft.write_text(json.dumps(groups, indent=2) + "\n")
    draft.replace(path)
    return path


def prometheus_command(folder: Path, port: int) -> tuple[str, ...]:
    """Copy the shipped configuration and rules into ``folder``; return the command for Prometheus on loopback.

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
    """Return a port on which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
