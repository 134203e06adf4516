"""A broker that does not answer is said so in a line that a person can act on."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.topics import ITEMS
from streams.kafka_client import Cluster, KafkaAway, KafkaTableReader


class Silent:
    """A consumer whose broker does not answer."""

    def list_topics(self, timeout: float) -> Any:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_a_broker_that_is_away_is_named() -> None:
    reader = KafkaTableReader(Cluster(bootstrap="127.0.0.1:1"), (ITEMS,))
    reader.close()
    reader._consumer = Silent()  # type: ignore[assignment]
    with pytest.raises(KafkaAway, match=r"'127.0.0.1:1' does not answer.*see that it runs"):
        reader.catch_up()
