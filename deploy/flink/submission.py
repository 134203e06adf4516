"""Submits a script of SQL to a Flink cluster, by the command line that Flink itself brings.

PyFlink would do so by a Java process that takes commands from every user of the machine, on a port without a password.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from deploy.embedded import flink
from deploy.embedded.environment import child_environment
from deploy.flink.cluster import FlinkCluster
from deploy.flink.keys import store_options, write_stores
from deploy.private_files import write_private
from schemas.errors import LifelongError

SUBMIT_SECONDS = 240.0
HEAP = "-Xmx600m"
FLINK_COMMAND_LINE = "org.apache.flink.client.cli.CliFrontend"
SCRIPT_RUNNER = "org.apache.flink.table.runtime.application.SqlDriver"
_JOB = re.compile(r"^\| ([0-9a-f]{32}) \|$", re.MULTILINE)


class FlinkJobError(LifelongError):
    """The job cannot be submitted, or has ended."""


def submit(cluster: FlinkCluster, script: str, options: Mapping[str, str], cache: Path) -> str:
    """Run a script whose last statement begins a job; return the job's id once the cluster has accepted it.

    Takes 20 s or more. `options` are Flink's, of the job. Its files, which hold secrets, exist as long as it runs.

    Raises:
        FlinkJobError: it is not accepted.
    """
    with TemporaryDirectory(prefix="lifelong-flink-") as private:
        directory = Path(private)
        write_private(directory / "config.yaml", _configuration({**options, **client_options_of(cluster, directory)}))
        write_private(directory / "job.sql", script)
        command = _command(directory / "job.sql", cache)
        return submitted_by(command, directory, {"FLINK_CONF_DIR": private}, _JOB)


def submitted_by(command: Sequence[str], directory: Path, variables: Mapping[str, str], job: re.Pattern[str]) -> str:
    """Run a command that submits a job; return the last id of a job that the pattern finds in what it prints.

    Raises:
        FlinkJobError: the job is not accepted.
    """
    try:
        result = subprocess.run(
            tuple(command),
            env={**child_environment(), **variables},
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=SUBMIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise FlinkJobError(f"the job cannot be submitted: {exc}") from exc
    jobs = job.findall(result.stdout)
    if result.returncode or not jobs:
        # What it prints repeats the script, with its secrets; its errors mask them.
        raise FlinkJobError(f"the job was not accepted:\n{result.stderr[-3000:]}")
    return str(jobs[-1])


def client_options_of(cluster: FlinkCluster, directory: Path) -> dict[str, str]:
    """Return the options by which a client reaches the cluster; its stores are written into the directory."""
    host, _, port = cluster.address.rpartition(":")
    options = {
        "execution.target": "remote",
        "execution.attached": "false",
        "rest.address": host,
        "rest.port": port,
    }
    if cluster.tls is None:
        return options
    password = token_hex(16)
    write_stores(cluster.tls, directory, password)
    return options | dict(store_options("rest", directory, password))


def _configuration(options: Mapping[str, str]) -> str:
    # JSON's strings are YAML's.
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in options.items())


def _command(script: Path, cache: Path) -> tuple[str, ...]:
    """Return how Flink's command line runs the script; the connector is sent to the cluster with the job."""
    connector = flink.connector(cache)
    jars = (*flink.libraries(cache), flink.sql_runner(cache), connector)
    java = (str(flink.java_home(cache) / "bin" / "java"), HEAP, *flink.JAVA_OPTIONS)
    run = ("run", "--detached", "--class", SCRIPT_RUNNER, str(connector), "--scriptUri", script.as_uri())
    return (*java, "-cp", ":".join(map(str, jars)), FLINK_COMMAND_LINE, *run)
