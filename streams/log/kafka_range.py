"""Reads what was written to topics between two moments, given by the ends of their partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from confluent_kafka import TopicPartition

from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.records import Inbound


class KafkaRangeReader(KafkaTableReader):
    """Reads the records from `begins` on and before `ends`: offsets by topic and partition."""

    def __init__(
        self, cluster: Cluster, begins: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int]
    ) -> None:
        self._behind = {at: end for at, end in ends.items() if end > begins.get(at, 0)}
        super().__init__(cluster, tuple({topic for topic, _ in self._behind}))
        offsets = {at: begins.get(at, 0) for at in self._behind}
        self._consumer.assign([TopicPartition(cluster.topic(topic), p, at) for (topic, p), at in offsets.items()])

    def records(self) -> Iterator[Inbound]:
        """Yield the records, those of a partition in order; transaction markers end a range too."""
        while self._behind:
            for record in self.poll():
                at = record.topic, record.partition
                if record.offset < self._behind.get(at, 0):
                    yield record
                if record.offset + 1 >= self._behind.get(at, 0):
                    self._behind.pop(at, None)
            for name, partition in list(self._reached_ends):
                self._behind.pop((self._cluster.plain(name), partition), None)
