"""Settings of the servers: where they are and how clients log in, and those that `lifelong up` starts itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from deploy.settings.section import SettingsSection


class KafkaSettings(SettingsSection):
    """Where Kafka is. An empty ``bootstrap`` means the broker that ``lifelong up`` starts. ``principal_prefix`` and the
    name of a process form the principal to which ``lifelong topics create`` grants rights.

    With ``SSL`` or ``SASL_SSL`` the broker must show a certificate for its name of the authority in
    ``ssl_ca_location`` (empty: the system's authorities); clients show ``ssl_certificate_location``, if it is set. All
    files are PEM.
    """

    bootstrap: str = ""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    ssl_key_password: SecretStr = SecretStr("")
    principal_prefix: str = "lifelong-"


class TopicSettings(SettingsSection):
    """Names, partitions, replication and retention of topics."""

    prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]*$")
    person_partitions: int = Field(default=4, ge=1, le=1024)
    item_partitions: int = Field(default=4, ge=1, le=1024)
    replication: int = Field(default=1, ge=1)
    interactions_retention_days: float = Field(default=3650, gt=0)


class RedisSettings(SettingsSection):
    """Where states and online features are stored. An empty ``url`` means the server that ``lifelong up`` starts.

    A ``rediss://`` URL means TLS: the ``ssl_…`` files are those of Kafka's settings.
    """

    url: SecretStr = SecretStr("")
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""


class MilvusSettings(SettingsSection):
    """Where item vectors and memories are searched. An empty ``uri`` means the server that ``lifelong up`` starts.

    An ``https://`` URI means TLS: the ``ssl_…`` files are those of Kafka's settings. A client certificate needs
    ``ssl_ca_location`` too.
    """

    uri: str = ""
    token: SecretStr = SecretStr("")
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    timeout_seconds: float = Field(default=2.0, gt=0)


class TritonSettings(SettingsSection):
    """Where the ranker is served (gRPC: ``host:port``, or ``unix:`` and a path). Empty means the server that
    ``lifelong up`` starts.

    ``ssl`` means TLS: the ``ssl_…`` files are those of Kafka's settings.
    """

    grpc: str = ""
    ssl: bool = False
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    timeout_seconds: float = Field(default=0.1, gt=0)


class FlinkSettings(SettingsSection):
    """The Flink jobs of item statistics and of users, for ``statistics.engine`` and ``worker.engine`` "flink";
    ``lifelong up --engine flink`` fills in ``rest``, the address of the JobManager.

    ``ssl`` means TLS: the ``ssl_…`` files are those of Kafka's settings, of which Flink needs ``ssl_ca_location``.

    ``parallelism`` is how many tasks share the items. A state that was not used for ``state_days`` (wall clock) is
    dropped: statistics of an item begin anew then. Every ``checkpoint_seconds`` the state is stored.

    ``user_parallelism`` is how many tasks share the users: one for each TaskManager, as those in one TaskManager take
    turns in one interpreter. The tasks serve their metrics on ``metrics_port``; 0 serves none.
    """

    rest: str = ""
    ssl: bool = False
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    parallelism: int = Field(default=2, ge=1)
    user_parallelism: int = Field(default=1, ge=1, le=128)
    metrics_port: int = Field(default=0, ge=0, le=65535)
    state_days: float = Field(default=400.0, gt=0)
    checkpoint_seconds: float = Field(default=30.0, ge=1)


class EmbeddedSettings(SettingsSection):
    """Ports of the servers that ``lifelong up`` starts; 0 chooses a free one, once per data directory. Triton has no
    port: it listens on a Unix socket.

    Milvus runs in a network of its own, since it listens on all interfaces. Where the kernel does not allow that, it is
    started only on a machine without other addresses than loopback, unless ``milvus_exposed`` accepts that others
    reach its inner ports.

    ``flink_mb`` is the memory of Flink's TaskManager, which holds the state of item statistics.
    """

    kafka_port: int = Field(default=0, ge=0, le=65535)
    redis_port: int = Field(default=0, ge=0, le=65535)
    milvus_port: int = Field(default=0, ge=0, le=65535)
    milvus_exposed: bool = False
    kafka_heap_mb: int = Field(default=512, ge=128)
    flink_mb: int = Field(default=2_048, ge=1_200)
