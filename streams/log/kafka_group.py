"""Reading topics of Kafka as a member of a consumer group."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from streams.log.kafka_client import READING, Cluster, Ends, consumed
from streams.log.records import Inbound

logger = logging.getLogger(__name__)
_FORBIDDEN = frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED})
POLLS_WITHIN_SECONDS = 300.0


class KafkaGroupReader:
    """Reads topics as a member of a group, from the group's offsets; offsets are committed by `commit` alone.

    With `start` the group's offsets are not used: it is called with the partitions of every assignment, and returns the
    offsets to read on from, by `topic-partition`; a partition that it does not name is read from its beginning.

    A member that does not poll for `polls_within` seconds loses its partitions.
    """

    def __init__(
        self,
        cluster: Cluster,
        topics: Sequence[str],
        *,
        group: str,
        newest: bool = False,
        start: Callable[[Set[int]], Mapping[str, int]] | None = None,
        polls_within: float = POLLS_WITHIN_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._start = start
        self._reached_ends: Ends = {}
        self._consumer = Consumer(
            cluster.config(
                READING
                | {
                    "group.id": f"{cluster.prefix}{group}",
                    "auto.offset.reset": "latest" if newest else "earliest",
                    "session.timeout.ms": 10_000,
                    "max.poll.interval.ms": int(polls_within * 1_000),
                    # No user waits for these readers: fuller responses cost broker and reader less.
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
        self._reached_ends.clear()
        starts = self._start({at.partition for at in partitions}) if self._start is not None and partitions else {}
        for at in partitions:
            at.offset = starts.get(f"{self._cluster.plain(at.topic)}-{at.partition}", OFFSET_BEGINNING)
        consumer.assign(partitions)

    def poll(self, limit: int, seconds: float) -> list[Inbound]:
        """Return up to `limit` records, after at most `seconds` of waiting."""
        return consumed(self._consumer, self._cluster, limit, seconds, self._reached_ends)

    def assignment(self) -> set[int]:
        """Return the partitions that are assigned as of the last `poll`."""
        return {at.partition for at in self._consumer.assignment()}

    def lag(self) -> dict[int, int]:
        """Return how many records of each assigned partition were not polled, as far as the client knows."""
        positions = {at.partition: at for at in self._consumer.position(self._consumer.assignment())}
        unread = [at for at in positions.values() if at.offset < 0]
        if unread:
            positions |= {at.partition: at for at in self._consumer.committed(unread, timeout=5)}
        lags = {}
        for partition, at in positions.items():
            low, high = self._consumer.get_watermark_offsets(at, cached=True)
            position = at.offset if at.offset >= 0 else max(0, low)
            lags[partition] = max(0, high - max(position, self._reached_ends.get((at.topic, partition), 0)))
        return lags

    def commit(self) -> None:
        """Commit all that was polled; an error that passes is left to the next commit."""
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as exc:
            if exc.args[0].code() in _FORBIDDEN:
                raise
            logger.info("commit is left to the next one: %s", exc)

    def close(self) -> None:
        """Leave the group and close the consumer."""
        self._consumer.close()
