"""A broker that does not answer gives an error that an operator can act on; one that comes back is waited for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.topics import ITEMS
from streams.log.kafka_client import ELECTION_RETRY, Cluster, KafkaTableReader
from streams.log.kafka_errors import KafkaAway, KafkaRefused


class Silent:
    """A consumer whose broker does not answer."""

    def list_topics(self, timeout: float) -> Any:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


class ComingBack:
    """A consumer whose broker has two partitions, and knows no leader for the first `times` requests."""

    def __init__(self, times: int) -> None:
        self._left = times

    def list_topics(self, timeout: float) -> Any:
        return SimpleNamespace(topics={ITEMS: SimpleNamespace(partitions={0: None, 1: None})})

    def assign(self, partitions: Any) -> None:
        pass

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        if self._left:
            self._left -= 1
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return 3, 3


class RemembersTheFirstAnswer(ComingBack):
    """A consumer that asks its broker for leaders only when it lists topics, as the client's cache of metadata does."""

    def __init__(self) -> None:
        super().__init__(times=1)
        self._listed = 0

    def list_topics(self, timeout: float) -> Any:
        self._listed += 1
        return super().list_topics(timeout)

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        self._left = int(self._listed < 3)
        return super().get_watermark_offsets(partition, timeout)


def reader_on(consumer: Any) -> KafkaTableReader:
    election = replace(ELECTION_RETRY, wait_seconds=0.0)
    reader = KafkaTableReader(Cluster(bootstrap="127.0.0.1:1"), (ITEMS,), election=election)
    reader.close()
    reader._consumer = consumer
    return reader


def test_a_broker_that_is_away_is_named_in_the_error() -> None:
    reader = reader_on(Silent())
    with pytest.raises(KafkaAway, match=r"'127.0.0.1:1' does not answer.*see that it runs"):
        reader.catch_up()


def test_partitions_without_a_leader_are_asked_again() -> None:
    assert reader_on(ComingBack(times=2)).catch_up() == []
    with pytest.raises(KafkaRefused, match=f"{ITEMS}-0 has no leader"):
        reader_on(ComingBack(times=1_000)).catch_up()


def test_metadata_is_fetched_before_a_partition_is_asked_again() -> None:
    assert reader_on(RemembersTheFirstAnswer()).catch_up() == []
