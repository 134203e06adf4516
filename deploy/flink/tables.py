"""The options of Flink's tables on Kafka, from Lifelong's settings."""

from __future__ import annotations

from pathlib import Path

from deploy.clients import flink_group
from schemas.topics import ITEM_DELTAS, ITEM_STATISTICS
from streams.log.kafka_client import Cluster
from streams.routes import WORKER_INPUTS

_SHADED = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security"
_MODULES = {"PLAIN": f"{_SHADED}.plain.PlainLoginModule"}
_SCRAM = f"{_SHADED}.scram.ScramLoginModule"


def client_options(cluster: Cluster) -> dict[str, str]:
    """Return the properties of a Kafka client in Java, as options of a table.

    >>> client_options(Cluster(bootstrap="b:1"))
    {'properties.bootstrap.servers': 'b:1', 'properties.security.protocol': 'PLAINTEXT'}
    """
    options = {"bootstrap.servers": cluster.bootstrap, "security.protocol": cluster.security_protocol}
    if cluster.security_protocol.startswith("SASL"):
        options |= {"sasl.mechanism": cluster.sasl_mechanism, "sasl.jaas.config": _login(cluster)}
    if cluster.ssl_ca_location:
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": cluster.ssl_ca_location}
    if cluster.ssl_certificate_location:
        options |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": Path(cluster.ssl_certificate_location).read_text(),
            "ssl.keystore.key": Path(cluster.ssl_key_location).read_text(),
        }
    if cluster.ssl_key_password:
        options["ssl.key.password"] = cluster.ssl_key_password
    return {f"properties.{name}": value for name, value in options.items()}


def _login(cluster: Cluster) -> str:
    user, password = (_quoted(text) for text in (cluster.sasl_username, cluster.sasl_password))
    return f"{_MODULES.get(cluster.sasl_mechanism, _SCRAM)} required username={user} password={password};"


def _quoted(text: str) -> str:
    r"""Return a text as a login configuration reads it.

    >>> print(_quoted('a"b'))
    "a\"b"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def source_options(cluster: Cluster, group: str) -> dict[str, str]:
    """Return the options of the table of `item-deltas`: from the first record on, unless a state says where.

    The group only shows how far the job is. It is no group of the Python aggregator, which takes offsets that are
    committed beyond its own for a loss of its store.
    """
    return {
        "connector": "kafka",
        "topic": f"{cluster.prefix}{ITEM_DELTAS}",
        **client_options(cluster),
        "properties.group.id": f"{cluster.prefix}{flink_group(group)}",
        "properties.isolation.level": "read_committed",
        "scan.startup.mode": "earliest-offset",
        "key.format": "raw",
        "key.fields": "log_key",
        "value.format": "json",
        "value.fields-include": "EXCEPT_KEY",
        "value.json.ignore-parse-errors": "true",
    }


def record_source_options(cluster: Cluster, group: str) -> dict[str, str]:
    """Return the options of the table of all user topics, as bytes: from the first record on, unless a state says
    where. The group only shows how far the job is, and is no group of the Faust worker.
    """
    return {
        "connector": "kafka",
        "topic": ";".join(cluster.topic(topic) for topic in WORKER_INPUTS),
        **client_options(cluster),
        "properties.group.id": f"{cluster.prefix}{flink_group(group)}",
        "properties.isolation.level": "read_committed",
        "scan.startup.mode": "earliest-offset",
        "key.format": "raw",
        "key.fields": "log_key",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
    }


def sink_options(cluster: Cluster) -> dict[str, str]:
    """Return the options of the table of `item-statistics`: rows keyed by the bytes of the item's id."""
    return {
        "connector": "upsert-kafka",
        "topic": f"{cluster.prefix}{ITEM_STATISTICS}",
        **client_options(cluster),
        "properties.linger.ms": "5",
        "key.format": "raw",
        "value.format": "json",
        "value.json.encode.ignore-null-fields": "true",
    }
