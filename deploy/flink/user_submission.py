"""Submits the user job to a Flink cluster, by a process in Flink's own Python environment."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import deploy
from deploy.clients import make_cluster
from deploy.embedded import flink
from deploy.embedded.environment import child_environment
from deploy.flink.cluster import FlinkCluster
from deploy.flink.submission import HEAP, SUBMIT_SECONDS, FlinkJobError, client_options_of
from deploy.flink.tables import record_source_options
from deploy.flink.user_task import settings_text
from deploy.private_files import write_private
from deploy.settings import Settings

GRAPH = "deploy.flink.user_graph"


def submit_users(cluster: FlinkCluster, settings: Settings, options: Mapping[str, str], cache: Path) -> str:
    """Submit the user job of these settings; return its id once the cluster has accepted it. Takes 20 s or more.

    `options` are Flink's, of the job. Files with secrets exist as long as the process that submits it.

    Raises:
        FlinkJobError: it is not accepted.
    """
    kafka = make_cluster(settings)
    with TemporaryDirectory(prefix="lifelong-flink-") as private:
        directory = Path(private)
        contents = {
            "java": _java(cache),
            "options": {**options, **python_options(cache), **client_options_of(cluster, directory)},
            "source": {"options": record_source_options(kafka, settings.worker.group), "prefix": kafka.prefix},
        }
        for name, content in contents.items():
            write_private(directory / f"{name}.json", json.dumps(content))
        write_private(directory / "settings.json", settings_text(settings))
        environment = child_environment() | {"PYTHONPATH": str(_root()), "_PYFLINK_HOME": ""}
        try:
            result = subprocess.run(
                (str(flink.environment(cache).python), "-m", GRAPH, private),
                env=environment,
                cwd=private,
                capture_output=True,
                text=True,
                timeout=SUBMIT_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise FlinkJobError(f"the user job cannot be submitted: {exc}") from exc
    last = result.stdout.strip().rpartition("\n")[2]
    if result.returncode or not re.fullmatch(r"[0-9a-f]{32}", last):
        raise FlinkJobError(f"the user job was not accepted:\n{result.stderr[-3000:]}")
    return last


def _root() -> Path:
    return Path(deploy.__file__).parent.parent


def python_options(cache: Path) -> dict[str, str]:
    """Return Flink's options of Python: in the TaskManager's process, with the environment's packages before ours."""
    made = flink.environment(cache)
    return {
        "python.execution-mode": "thread",
        "python.executable": str(made.python),
        "python.client.executable": str(made.python),
        "python.pythonpath": f"{made.packages}:{_root()}",
        "pipeline.jars": flink.connector(cache).as_uri(),
    }


def _java(cache: Path) -> list[str]:
    jars = (*flink.libraries(cache), flink.connector(cache))
    java = (str(flink.java_home(cache) / "bin" / "java"), HEAP, *flink.JAVA_OPTIONS)
    return [*java, "-cp", ":".join(map(str, jars))]
