"""Administration of a Kafka cluster: topics and their settings, access, logins, offsets of logs and groups."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from msgspec import Struct

from streams.log.kafka_client import Cluster
from streams.log.kafka_errors import KafkaAway, KafkaRefused
from streams.retry import RetryPolicy
from streams.state.positions import Bounds

logger = logging.getLogger(__name__)
SCRAM_ITERATIONS = 8_192
_NO_GROUP = frozenset({KafkaError.GROUP_ID_NOT_FOUND, KafkaError.INVALID_GROUP_ID})
LED_SECONDS = 30.0
LED_RETRY = RetryPolicy(0.1, retries=lambda error: isinstance(error, KafkaRefused | KafkaAway))
"""For topics that the controller has created and the broker does not list, or lead, yet."""
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
"""The id of a topic on a broker that gives topics no ids."""


class Grant(Struct, frozen=True):
    """A right of a principal: an operation on one topic or one group, by its name on the cluster, or on all whose names
    begin with it.
    """

    principal: str
    kind: str
    name: str
    operation: str
    prefixed: bool = False


class TopicShape(Struct, frozen=True):
    """How a topic is created: its partitions, replicas of each, and settings."""

    partitions: int
    replication: int
    config: dict[str, str] = {}


class KafkaAdmin:
    """What the commands ask of a cluster: its topics, their settings, and where groups stand."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._admin = AdminClient(cluster.config())

    def expect(self, topics: Sequence[str], *, within: float) -> None:
        """Check that the cluster answers and has these topics.

        Raises:
            KafkaAway: it does not answer within so many seconds.
            KafkaRefused: a topic does not exist.
        """
        existing = self.partitions(within=within)
        missing = [name for name in topics if name not in existing]
        if missing:
            where = self._cluster.bootstrap
            raise KafkaRefused(f"Kafka at {where!r} has no topics {missing}; `lifelong topics create` makes them")

    def partitions(self, *, within: float = 10.0) -> dict[str, int]:
        """Return the number of partitions of each topic, by plain name; topics of other prefixes are left out.

        Raises:
            KafkaAway: the cluster does not answer within so many seconds.
        """
        try:
            topics = self._admin.list_topics(timeout=within).topics
        except KafkaException as exc:
            where, why = self._cluster.bootstrap, exc.args[0].str()
            raise KafkaAway(
                f"Kafka at {where!r} does not answer within {within:g} s: {why}; `lifelong up` starts one, "
                "`lifelong status` shows what runs"
            ) from exc
        prefix = self._cluster.prefix
        return {self._cluster.plain(n): len(t.partitions) for n, t in topics.items() if n.startswith(prefix)}

    def settings(self, name: str) -> dict[str, str]:
        """Return the settings of a topic."""
        resource = ConfigResource(ResourceType.TOPIC, self._cluster.topic(name))
        entries = self._admin.describe_configs([resource])[resource].result(10)
        return {key: str(entry.value) for key, entry in entries.items()}

    def create(self, shapes: Mapping[str, TopicShape]) -> None:
        """Create topics in one request, and wait until they have leaders; those that exist stay as they are.

        Raises:
            KafkaRefused: the cluster refuses, or does not list them.
            KafkaAway: they have no leaders after 30 s.
        """
        new = [
            NewTopic(self._cluster.topic(name), shape.partitions, shape.replication, config=shape.config)
            for name, shape in shapes.items()
        ]
        for topic, response in (self._admin.create_topics(new) if new else {}).items():
            try:
                response.result(30)
            except KafkaException as exc:
                if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise KafkaRefused(f"topic {topic!r}: {exc}") from exc
        deadline = time.monotonic() + LED_SECONDS
        expect_led = partial(self._expect_led, list(shapes))
        LED_RETRY.call(expect_led, sleep=time.sleep, until=lambda: time.monotonic() > deadline)

    def grant(self, grants: Sequence[Grant]) -> bool:
        """Allow all of it, from any host, beside what is allowed already; false if the broker has no authorizer.

        Raises:
            KafkaRefused: the cluster refuses.
        """
        bindings = [
            AclBinding(
                ResourceType[grant.kind.upper()],
                grant.name,
                ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL,
                grant.principal,
                "*",
                AclOperation[grant.operation],
                AclPermissionType.ALLOW,
            )
            for grant in grants
        ]
        try:
            for response in self._admin.create_acls(bindings).values():
                response.result(30)
        except KafkaException as exc:
            if exc.args[0].code() == KafkaError.SECURITY_DISABLED:
                return False
            raise KafkaRefused(f"access is not granted: {exc}") from exc
        return True

    def scram_users(self) -> set[str]:
        """Return the users that have a SCRAM login.

        Raises:
            KafkaRefused: this client may not list them.
        """
        try:
            users = self._admin.describe_user_scram_credentials().result(30)  # type: ignore[union-attr]
        except KafkaException as exc:
            raise KafkaRefused(f"logins cannot be listed: {exc}") from exc
        return set(users)

    def add_scram_users(self, mechanism: str, passwords: Mapping[str, str]) -> None:
        """Set the passwords of these users, for a mechanism such as `SCRAM-SHA-512`.

        Raises:
            KafkaRefused: the cluster refuses.
        """
        kind = ScramMechanism[mechanism.replace("-", "_")]
        changes: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(name, ScramCredentialInfo(kind, SCRAM_ITERATIONS), password.encode())
            for name, password in passwords.items()
        ]
        try:
            for response in self._admin.alter_user_scram_credentials(changes).values():
                response.result(30)
        except KafkaException as exc:
            raise KafkaRefused(f"logins are not created: {exc}") from exc

    def bounds(self, topics: Sequence[str]) -> dict[tuple[str, int], Bounds]:
        """See `streams.state.positions.Logs`."""
        with _away(self._cluster):
            ids = self._topic_ids(topics)
            partitions = [
                TopicPartition(self._cluster.topic(topic), p) for topic, (_, n) in ids.items() for p in range(n)
            ]
            begins = self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
            ends = self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {at: Bounds(ids[at[0]][0], begin, ends[at]) for at, begin in begins.items()}

    def committed(self, group: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """See `streams.state.positions.Logs`."""
        asked = ConsumerGroupTopicPartitions(f"{self._cluster.prefix}{group}")
        with _away(self._cluster):
            try:
                offsets = self._admin.list_consumer_group_offsets([asked])[asked.group_id].result(10).topic_partitions
            except KafkaException as exc:
                if exc.args[0].code() not in _NO_GROUP:
                    raise
                return {}
        committed = {(self._cluster.plain(at.topic), at.partition): at.offset for at in offsets or []}
        return {at: offset for at, offset in committed.items() if at[0] in topics and offset >= 0}

    def _topic_ids(self, topics: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Return the id and the number of partitions of each topic that exists."""
        names = [self._cluster.topic(topic) for topic in topics]
        described = self._admin.describe_topics(TopicCollection(names), request_timeout=10)
        ids = {}
        for topic, name in zip(topics, names, strict=True):
            try:
                description = described[name].result(10)
            except KafkaException as exc:
                if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
            else:
                ids[topic] = (_id(str(description.topic_id)), len(description.partitions))
        return ids

    def _offsets(self, partitions: Sequence[TopicPartition], which: OffsetSpec) -> dict[tuple[str, int], int]:
        if not partitions:
            return {}
        offsets = self._admin.list_offsets(dict.fromkeys(partitions, which), request_timeout=10)
        return {(self._cluster.plain(at.topic), at.partition): end.result(10).offset for at, end in offsets.items()}

    def ends(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Return the offset that the next record of each partition will get.

        Raises:
            KafkaAway: a partition has no leader yet, or the cluster does not answer.
        """
        existing = self.partitions()
        partitions = [
            TopicPartition(self._cluster.topic(topic), p) for topic in topics for p in range(existing.get(topic, 0))
        ]
        with _away(self._cluster):
            return self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def _expect_led(self, topics: Sequence[str]) -> None:
        self.expect(topics, within=10.0)
        self.ends(topics)


@contextmanager
def _away(cluster: Cluster) -> Iterator[None]:
    try:
        yield
    except (KafkaException, TimeoutError) as exc:
        why = str(exc) or "no answer in time"
        raise KafkaAway(
            f"Kafka at {cluster.bootstrap!r} does not describe its topics: {why}; see that it runs"
        ) from exc


def _id(topic_id: str) -> str:
    return "" if topic_id == _NO_ID else topic_id
