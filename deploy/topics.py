"""Creates the topics of the topic table on a cluster, and checks existing ones against it."""

from __future__ import annotations

from msgspec import Struct

from deploy.clients import topic_partitions
from deploy.settings import Settings, SettingsError
from schemas.topics import (
    DEAD_LETTERS,
    ERASURES,
    ITEM_DELTAS,
    ITEMS,
    MISROUTED,
    TOPICS,
    Topic,
)
from streams.log.kafka_admin import KafkaAdmin, TopicShape
from streams.log.kafka_client import MESSAGE_BYTES_LIMIT
from streams.routes import WORKER_INPUTS

REBUILD_TOPICS = frozenset(
    topic.name
    for topic in TOPICS
    if topic.name in (*WORKER_INPUTS, ITEM_DELTAS) and topic.cleanup == "delete" and topic.retention_ms is None
)
"""Topics that a rebuild reads: kept for `topics.interactions_retention_days`."""
LONGER_DAYS = 30.0
"""How much longer erasures are kept than what they refuse: a rebuild must not fold it without them."""
FOR_EVER_MS = 100 * 365 * 86_400_000
"""Retention of tombstones of withdrawn items: a deleted one would bring its item back at the next start of a worker."""
COMPACTION = {
    "min.cleanable.dirty.ratio": "0.2",
    "segment.ms": "3600000",
    "max.compaction.lag.ms": str(7 * 86_400_000),
}
"""Replaced values are gone after a week, which matters where they are about users."""


class TopicReport(Struct, frozen=True):
    """A topic on the cluster, and its difference from the contract, if any."""

    topic: Topic
    partitions: int | None
    problem: str = ""


def topic_config(topic: Topic, settings: Settings) -> dict[str, str]:
    """Return the settings of a topic on the cluster."""
    config: dict[str, str] = {"cleanup.policy": topic.cleanup}
    if topic.name in REBUILD_TOPICS:
        days = settings.topics.interactions_retention_days + (LONGER_DAYS if topic.name == ERASURES else 0.0)
        config["retention.ms"] = str(int(days * 86_400_000))
    elif topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
        # Only closed segments are deleted: a segment must close before its records expire.
        config["segment.ms"] = str(min(topic.retention_ms, 86_400_000))
    if topic.name == ITEMS:
        config["delete.retention.ms"] = str(FOR_EVER_MS)
    if topic.name in (DEAD_LETTERS, MISROUTED):
        config["max.message.bytes"] = str(MESSAGE_BYTES_LIMIT)
    return config | (COMPACTION if topic.cleanup == "compact" else {})


def create_topics(settings: Settings, admin: KafkaAdmin) -> list[str]:
    """Create missing topics and return their names. Existing topics are never changed."""
    existing = admin.partitions()
    partitions, replicas = topic_partitions(settings), settings.topics.replication
    missing = {
        topic.name: TopicShape(partitions[topic.name], replicas, topic_config(topic, settings))
        for topic in TOPICS
        if topic.name not in existing
    }
    admin.create(missing)
    return list(missing)


def check_topics(settings: Settings, admin: KafkaAdmin) -> list[TopicReport]:
    """Return every topic of the table, with its difference from the cluster's."""
    existing = admin.partitions()
    expected = topic_partitions(settings)
    counts = [(topic, existing.get(topic.name)) for topic in TOPICS]
    return [TopicReport(topic, count, _problem(topic, count, expected[topic.name], admin)) for topic, count in counts]


def refuse_wrong_topics(settings: Settings, admin: KafkaAdmin) -> None:
    """Check the topics when a process starts: with other partition counts a user would have several workers, or none.

    Raises:
        SettingsError: a topic differs from the contract; the message names it and the difference.
    """
    problems = [f"{report.topic.name}: {report.problem}" for report in check_topics(settings, admin) if report.problem]
    if problems:
        raise SettingsError("topics differ from the settings: " + "; ".join(problems))


def _problem(topic: Topic, partitions: int | None, expected: int, admin: KafkaAdmin) -> str:
    if partitions is None:
        return "missing: `lifelong topics create` creates it"
    if partitions != expected:
        return f"has {partitions} partitions, the settings say {expected}"
    cleanup = admin.settings(topic.name).get("cleanup.policy")
    if cleanup != topic.cleanup:
        return f"cleanup.policy is {cleanup!r}, the contract says {topic.cleanup!r}"
    return ""
