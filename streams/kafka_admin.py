"""What the commands ask of a Kafka cluster: its topics, their settings, and where groups stand."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType  # type: ignore[attr-defined]

from streams.kafka_client import Cluster, KafkaAway, KafkaRefused

logger = logging.getLogger(__name__)


class KafkaAdmin:
    """What the commands ask of a cluster: its topics, their settings, and where groups stand."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._admin = AdminClient(cluster.config())

    def expect(self, topics: Sequence[str], *, within: float) -> None:
        """Make sure that the cluster answers, and has these topics.

        Raises:
            KafkaAway: it does not answer within so many seconds.
            KafkaRefused: a topic is not there.
        """
        known = self.partitions(within=within)
        missing = [name for name in topics if name not in known]
        if missing:
            where = self._cluster.bootstrap
            raise KafkaRefused(f"Kafka at {where!r} has no topics {missing}; `lifelong topics create` makes them")

    def partitions(self, *, within: float = 10.0) -> dict[str, int]:
        """How many partitions each of the cluster's topics has, by plain name; other prefixes are left out.

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
        """The settings of a topic."""
        resource = ConfigResource(ResourceType.TOPIC, self._cluster.topic(name))
        entries = self._admin.describe_configs([resource])[resource].result(10)
        return {key: str(entry.value) for key, entry in entries.items()}

    def create(self, name: str, *, partitions: int, replication: int, config: dict[str, str]) -> None:
        """Create a topic.

        Raises:
            KafkaRefused: the cluster will not have it.
        """
        new = NewTopic(
            self._cluster.topic(name), num_partitions=partitions, replication_factor=replication, config=config
        )
        try:
            self._admin.create_topics([new])[new.topic].result(30)
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise KafkaRefused(f"topic {new.topic!r}: {exc}") from exc

    def rewind(self, group: str, offsets: Mapping[tuple[str, int], int]) -> list[tuple[str, int, int, int]]:
        """Set a group back where the store is behind it, so that what the store lost is read again.

        Only possible while nobody is in the group. Returns (topic, partition, was, now) of what was set back.
        """
        wanted = [TopicPartition(self._cluster.topic(topic), p) for topic, p in offsets]
        asked = ConsumerGroupTopicPartitions(f"{self._cluster.prefix}{group}", wanted)
        try:
            known = self._admin.list_consumer_group_offsets([asked])[asked.group_id].result(10).topic_partitions
        except KafkaException as exc:
            logger.info("group %s has no offsets yet: %s", group, exc)
            return []
        back = []
        for at in known or []:
            want = offsets[(self._cluster.plain(at.topic), at.partition)]
            if at.offset > want:
                back.append((self._cluster.plain(at.topic), at.partition, at.offset, want))
        if back:
            new = [TopicPartition(self._cluster.topic(topic), p, want) for topic, p, _, want in back]
            request = ConsumerGroupTopicPartitions(asked.group_id, new)
            try:
                self._admin.alter_consumer_group_offsets([request])[asked.group_id].result(10)
            except KafkaException as exc:
                logger.warning("group %s is in use, its offsets stay: %s", group, exc)
                return []
        return back

    def ends(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """The offset that the next record of each partition will get."""
        known = self.partitions()
        asked = {
            TopicPartition(self._cluster.topic(topic), p): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for topic in topics
            for p in range(known.get(topic, 0))
        }
        found = self._admin.list_offsets(asked)
        return {(self._cluster.plain(at.topic), at.partition): end.result(10).offset for at, end in found.items()}
