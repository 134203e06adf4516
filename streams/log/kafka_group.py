"""Reading topics of Kafka as a member of a consumer group."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from streams.log.kafka_client import Cluster, Ends, taken
from streams.log.records import Inbound

logger = logging.getLogger(__name__)
_FORBIDDEN = frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED})


class KafkaGroupReader:
    """Reads topics as a member of a group, from where the group stands; offsets are committed when asked.

    With `start` the group's offsets are not read: whenever partitions are given to this member it is asked, with these
    partitions, from which offsets on (by `topic-partition`; from the beginning, where it names none).
    """

    def __init__(
        self,
        cluster: Cluster,
        topics: Sequence[str],
        *,
        group: str,
        newest: bool = False,
        start: Callable[[Set[int]], Mapping[str, int]] | None = None,
    ) -> None:
        self._cluster = cluster
        self._start = start
        self._found_ends: Ends = {}
        self._consumer = Consumer(
            cluster.config(
                {
                    "group.id": f"{cluster.prefix}{group}",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "latest" if newest else "earliest",
                    "session.timeout.ms": 10_000,
                    "isolation.level": "read_committed",
                    "enable.partition.eof": True,
                    # These readers take their time: fuller answers cost broker and reader less.
                    "fetch.min.bytes": 65_536,
                    "fetch.wait.max.ms": 200,
                }
            )
        )
        names = [cluster.topic(name) for name in topics]
        if start is None:
            self._consumer.subscribe(names)
        else:
            self._consumer.subscribe(names, on_assign=self._assigned)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._found_ends.clear()
        starts = self._start({at.partition for at in partitions}) if self._start is not None and partitions else {}
        for at in partitions:
            at.offset = starts.get(f"{self._cluster.plain(at.topic)}-{at.partition}", OFFSET_BEGINNING)
        consumer.assign(partitions)

    def poll(self, limit: int, seconds: float) -> list[Inbound]:
        """Up to `limit` records, waiting at most so long for them."""
        return taken(self._consumer, self._cluster, limit, seconds, self._found_ends)

    def assignment(self) -> set[int]:
        """The partitions that are ours as of the last `poll`."""
        return {at.partition for at in self._consumer.assignment()}

    def lag(self) -> dict[int, int]:
        """How many records of each of our partitions have not been polled, as far as the client knows by now."""
        positions = {at.partition: at for at in self._consumer.position(self._consumer.assignment())}
        unread = [at for at in positions.values() if at.offset < 0]
        if unread:
            positions |= {at.partition: at for at in self._consumer.committed(unread, timeout=5)}
        lags = {}
        for partition, at in positions.items():
            low, high = self._consumer.get_watermark_offsets(at, cached=True)
            position = at.offset if at.offset >= 0 else max(0, low)
            lags[partition] = max(0, high - max(position, self._found_ends.get((at.topic, partition), 0)))
        return lags

    def commit(self) -> None:
        """What was polled so far is done with."""
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as exc:
            if exc.args[0].code() in _FORBIDDEN:
                raise
            logger.info("commit is left to the next one: %s", exc)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
