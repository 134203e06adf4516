"""Check that a command's servers answer before its work begins, within seconds."""

from __future__ import annotations

from deploy.clients import make_cluster
from deploy.settings import Settings
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import Cluster

KAFKA_PATIENCE_SECONDS = 5.0


def reach_kafka(settings: Settings, *topics: str) -> Cluster:
    """Return how to reach Kafka, once it has answered and has these topics.

    Raises:
        SettingsError: no broker is set and none was started.
        KafkaAway: Kafka does not answer.
        KafkaRefused: a topic is missing.
    """
    cluster = make_cluster(settings)
    KafkaAdmin(cluster).expect(topics, within=KAFKA_PATIENCE_SECONDS)
    return cluster
