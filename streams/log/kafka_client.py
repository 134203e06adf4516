"""Kafka through confluent-kafka: publishing, and reading whole topics (`streams.log.kafka_group` reads as a group).

The partitioner is Java's (`murmur2_random`); librdkafka's default differs and would split a user over partitions.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from operator import methodcaller
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka import Message as KafkaRecord

from streams.log.dead_letters import fitting
from streams.log.kafka_errors import KafkaAway, KafkaRefused
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message
from streams.retry import RetryPolicy

logger = logging.getLogger(__name__)
client_logger = logging.getLogger("librdkafka")
_headers_of = methodcaller("headers")

MESSAGE_BYTES_LIMIT = 2_000_000
"""A dead letter holds the original record, which may be as large as the broker accepts, in base64."""
NO_GROUP = "unused"
"""The group id of readers of whole topics: the client requires one and does not use it."""
_ELECTING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
    }
)
"""What a broker that comes back answers about its partitions until it leads them again; at first it knows none."""


def _is_electing(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _ELECTING


ELECTION_RETRY = RetryPolicy(1.0, attempts=90, retries=_is_electing)
"""For partitions without a leader: a broker that comes back leads them again one after the other, which may take tens
of seconds where it has thousands; what takes longer needs a person.
"""


@dataclass(frozen=True)
class Cluster:
    """Address and login of a Kafka cluster; `prefix` comes before every topic name."""

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    ssl_key_password: str = field(default="", repr=False)
    prefix: str = ""

    def config(self, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the client settings of librdkafka, with `more` on top."""
        config: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security_protocol,
            "logger": client_logger,
        }
        if self.security_protocol.startswith("SASL"):
            config["sasl.mechanisms"] = self.sasl_mechanism
            config["sasl.username"] = self.sasl_username
            config["sasl.password"] = self.sasl_password
        return config | self._ssl_files() | dict(more or {})

    def _ssl_files(self) -> dict[str, str]:
        files = {
            "ssl.ca.location": self.ssl_ca_location,
            "ssl.certificate.location": self.ssl_certificate_location,
            "ssl.key.location": self.ssl_key_location,
            "ssl.key.password": self.ssl_key_password,
        }
        return {name: value for name, value in files.items() if value}

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the same for clients that use Python's TLS; none if the protocol has no TLS."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=self.ssl_ca_location or None)
        if self.ssl_certificate_location:
            context.load_cert_chain(
                self.ssl_certificate_location, self.ssl_key_location or None, self.ssl_key_password or None
            )
        return context

    def topic(self, name: str) -> str:
        """Return the name of a topic on this cluster."""
        return f"{self.prefix}{name}"

    def plain(self, topic: str) -> str:
        """Return the name in the topic table of a topic on this cluster."""
        return topic.removeprefix(self.prefix)


def inbound(record: KafkaRecord, cluster: Cluster) -> Inbound:
    """Return a record of the client as an `Inbound`."""
    _, milliseconds = record.timestamp()
    return Inbound(
        topic=cluster.plain(record.topic() or ""),
        partition=record.partition() or 0,
        offset=record.offset() or 0,
        key=_bytes(record.key()),
        value=_bytes(record.value()),
        timestamp=milliseconds / 1000.0,
        headers=tuple((name, _bytes(value)) for name, value in _headers(record)),
    )


def _headers(record: KafkaRecord) -> list[tuple[str, Any]]:
    """Return the record's headers; none where a name is not UTF-8, which the client cannot return.

    For such a name the client returns a list with null entries and leaves an exception pending. A plain call may not
    notice: the exception is raised later, elsewhere, or the process ends at the first null. `methodcaller` takes a path
    of the interpreter that always checks.
    """
    try:
        headers = _headers_of(record) or []
    except (UnicodeDecodeError, SystemError) as exc:
        logger.warning("headers of %s-%s@%s are left out: %s", record.topic(), record.partition(), record.offset(), exc)
        return []
    return list(headers.items()) if isinstance(headers, dict) else list(headers)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


READING = {
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    # The client reads ahead by 64 MB otherwise, which a process that falls behind once keeps.
    "queued.max.messages.kbytes": 4_096,
}
"""Client settings of every consumer on librdkafka."""

Ends = dict[tuple[str, int], int]
"""By topic and partition, the offset at which its reader reached the end: behind transaction markers and deleted
records too, which a client's position does not pass.
"""


def consumed(consumer: Consumer, cluster: Cluster, limit: int, seconds: float, ends: Ends) -> list[Inbound]:
    """Return up to `limit` records and note the ends that were reached.

    Waits up to `seconds` for the first record alone: `consume` would wait for all of them.
    """
    records = consumer.consume(1, seconds)
    if records:
        records += consumer.consume(limit - 1, 0.0)
    for record in records:
        error = record.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            ends[record.topic() or "", record.partition() or 0] = record.offset() or 0
        elif error is not None:
            logger.warning("reading: %s", error)
    return [inbound(record, cluster) for record in records if record.error() is None]


class KafkaPublisher:
    """A `Publisher` on Kafka: idempotent, acknowledged by all replicas, and never giving up on a message.

    Records are batched for `linger_ms`: librdkafka sends a request per partition, so fewer and fuller ones cost less.
    With `receipts` every record is reported, which `deliver` needs; without, failures alone are, and a refusal is for
    good: every later wait raises it again.
    """

    def __init__(
        self, cluster: Cluster, partitions: Mapping[str, int], *, linger_ms: float = 2.0, receipts: bool = False
    ) -> None:
        self._cluster = cluster
        self._partitions = dict(partitions)
        self._lock = threading.Lock()
        self._receipts = receipts
        self._failures: list[str] = []
        self._producer = Producer(
            cluster.config(
                {
                    "partitioner": "murmur2_random",
                    "enable.idempotence": True,
                    "linger.ms": linger_ms,
                    "compression.type": "lz4",
                    "message.timeout.ms": 0,
                    "message.max.bytes": MESSAGE_BYTES_LIMIT,
                    "delivery.report.only.error": not receipts,
                    "queue.buffering.max.messages": 500_000,
                }
            )
        )

    def post(self, messages: Sequence[Message]) -> KafkaPublisher:
        """See `streams.log.ports.Publisher`. The receipt covers all that was posted by then."""
        for message, value in map(fitting, messages):
            owner = message.owner
            partition = partition_of(owner, self._partitions[message.topic]) if owner is not None else None
            self._queue(self._cluster.topic(message.topic), message.key, value, partition, self._on_report)
        return self

    def wait(self) -> None:
        """See `streams.log.ports.Receipt`.

        Raises:
            KafkaRefused: the broker will never accept one of them.
        """
        self.flush()

    def publish(self, messages: Sequence[Message]) -> None:
        """See `streams.log.ports.Publisher`.

        Raises:
            KafkaRefused: the broker will never accept one of them.
        """
        self.post(messages).wait()

    def send(self, topic: str, key: str | bytes | None, value: bytes | None) -> None:
        """Queue one record as it is, without waiting; `flush` waits for it."""
        self._queue(self._cluster.topic(topic), key, value, None, self._on_report)
        self._producer.poll(0)

    def flush(self, *, within: float | None = None) -> None:
        """Wait until all queued records are acknowledged, for as long as it takes or for `within` seconds.

        Raises:
            KafkaRefused: the broker will never accept one of them.
            KafkaAway: not all were acknowledged in that time; they may still be, as long as this process lives.
        """
        with self._lock:
            self._settle(within)

    def close(self) -> None:
        """Wait for queued records, then close the producer."""
        self.flush()
        self._producer.close()

    def deliver(self, topic: str, records: Iterable[tuple[str | None, bytes | None]]) -> list[tuple[int, int]]:
        """Produce records, wait, and return the partition and offset of each, in order.

        Raises:
            KafkaRefused: the broker will never accept one of them.
        """
        delivered: dict[int, tuple[int, int]] = {}
        with self._lock:
            for index, (key, value) in enumerate(records):
                self._queue(self._cluster.topic(topic), key, value, None, partial(self._on_delivery, delivered, index))
            self._settle()
        return [delivered[index] for index in sorted(delivered)]

    def _on_delivery(
        self, delivered: dict[int, tuple[int, int]], index: int, error: KafkaError | None, record: KafkaRecord
    ) -> None:
        self._on_report(error, record)
        delivered[index] = (record.partition() or 0, record.offset() or 0)

    def _queue(
        self, topic: str, key: str | bytes | None, value: bytes | None, partition: int | None, on_delivery: Any
    ) -> None:
        arguments: dict[str, Any] = {"key": key, "value": value, "on_delivery": on_delivery}
        if partition is not None:
            arguments["partition"] = partition
        while True:
            try:
                self._producer.produce(topic, **arguments)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _on_report(self, error: KafkaError | None, record: KafkaRecord) -> None:
        if error is not None:
            self._failures.append(f"{record.topic()}: {error}")

    def _settle(self, within: float | None = None) -> None:
        ends = time.monotonic() + within if within is not None else None
        while left := self._producer.flush(1.0):
            logger.debug("waiting for Kafka to acknowledge")
            if ends is not None and time.monotonic() > ends:
                where = self._cluster.bootstrap
                raise KafkaAway(f"Kafka at {where!r} has not acknowledged {left} records within {within:g} s")
        if self._failures:
            failures = sorted(set(self._failures))[:5]
            if self._receipts:
                self._failures = []
            raise KafkaRefused("; ".join(failures))


class KafkaTableReader:
    """A `TableReader` on Kafka: every partition of some topics, from the beginning, without a consumer group."""

    def __init__(
        self,
        cluster: Cluster,
        topics: Sequence[str],
        *,
        poll_seconds: float = 0.2,
        batch: int = 500,
        election: RetryPolicy = ELECTION_RETRY,
    ) -> None:
        self._cluster = cluster
        self._election = election
        self._topics = tuple(topics)
        self._poll_seconds = poll_seconds
        self._batch = batch
        self._reached_ends: Ends = {}
        self._consumer = Consumer(
            cluster.config(READING | {"group.id": NO_GROUP, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100})
        )

    def catch_up(self) -> list[Inbound]:
        """See `streams.log.ports.TableReader`."""
        return [record for part in self.catch_up_in_parts() for record in part]

    def catch_up_in_parts(self) -> Iterator[list[Inbound]]:
        """See `streams.log.ports.PartsReader`.

        The end is where nothing more can be read: `poll` returns records of open transactions later.
        """
        partitions = self._all_partitions()
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for topic, p in partitions])
        ends = {at: self._ends(*at) for at in partitions}
        behind = {at for at, (low, high) in ends.items() if high > low}
        while behind:
            yield self.poll()
            behind -= self._reached_ends.keys()

    def poll(self) -> list[Inbound]:
        """See `streams.log.ports.TableReader`."""
        return consumed(self._consumer, self._cluster, self._batch, self._poll_seconds, self._reached_ends)

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _all_partitions(self) -> list[tuple[str, int]]:
        try:
            existing = self._consumer.list_topics(timeout=10).topics
        except KafkaException as exc:
            where = self._cluster.bootstrap
            raise KafkaAway(f"Kafka at {where!r} does not answer: {exc.args[0].str()}; see that it runs") from exc
        missing = [name for name in self._topics if self._cluster.topic(name) not in existing]
        if missing:
            raise KafkaRefused(f"topics {missing} do not exist; `lifelong topics create` makes them")
        names = [self._cluster.topic(name) for name in self._topics]
        return [(name, partition) for name in names for partition in existing[name].partitions]

    def _ends(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first and the next offset of a partition; one without a leader is asked again.

        The client answers from its cache of metadata, so what a returning broker said of its partitions at first would
        stay until the cache expires; metadata is therefore fetched before each further attempt.

        Raises:
            KafkaRefused: it has none after all attempts.
        """
        at = TopicPartition(topic, partition)

        def watermarks() -> tuple[int, int]:
            low, high = self._consumer.get_watermark_offsets(at, timeout=10)
            return low, high

        def refresh(error: BaseException) -> None:
            with suppress(KafkaException):
                self._consumer.list_topics(timeout=10)

        try:
            return self._election.call(watermarks, sleep=time.sleep, on_error=refresh)
        except KafkaException as exc:
            if not _is_electing(exc):
                raise
            raise KafkaRefused(f"{topic}-{partition} has no leader; look at the broker's log") from exc
