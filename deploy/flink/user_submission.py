"""Submits the user job to a Flink cluster, by a process in Flink's own Python environment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import deploy
from deploy.clients import make_cluster
from deploy.embedded import flink
from deploy.flink.cluster import FlinkCluster
from deploy.flink.submission import HEAP, client_options_of, submitted_by
from deploy.flink.tables import record_source_options
from deploy.flink.user_task import settings_text
from deploy.private_files import write_private
from deploy.settings import Settings

GRAPH = "deploy.flink.user_graph"
_JOB = re.compile(r"^([0-9a-f]{32})$", re.MULTILINE)


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
        command = (str(flink.environment(cache).python), "-m", GRAPH, private)
        return submitted_by(command, directory, {"PYTHONPATH": str(code_root()), "_PYFLINK_HOME": ""}, _JOB)


def code_root() -> Path:
    """Return the directory of the code that the cluster runs."""
    return Path(deploy.__file__).parent.parent


def python_options(cache: Path) -> dict[str, str]:
    """Return Flink's options of Python: in the TaskManager's process, with the environment's packages before ours."""
    made = flink.environment(cache)
    return {
        "python.execution-mode": "thread",
        "python.executable": str(made.python),
        "python.client.executable": str(made.python),
        "python.pythonpath": f"{made.packages}:{code_root()}",
        "pipeline.jars": flink.connector(cache).as_uri(),
    }


def _java(cache: Path) -> list[str]:
    jars = (*flink.libraries(cache), flink.connector(cache))
    java = (str(flink.java_home(cache) / "bin" / "java"), HEAP, *flink.JAVA_OPTIONS)
    return [*java, "-cp", ":".join(map(str, jars))]
