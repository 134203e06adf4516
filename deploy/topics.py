"""The topic table held against a cluster: what is missing is created, what differs is named."""

from __future__ import annotations

from msgspec import Struct

from deploy.clients import topic_partitions
from deploy.settings import Settings, SettingsError
from schemas.topics import (
    DEAD_LETTERS,
    INSTRUCTIONS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEMS,
    MISROUTED,
    TOPICS,
    Topic,
)
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import MESSAGE_BYTES_LIMIT

KEPT_LONG = frozenset({INTERACTIONS, INSTRUCTIONS, MISROUTED, ITEM_DELTAS})
"""What a rebuild reads: kept as long as the setting `topics.interactions_retention_days` says."""
FOR_EVER_MS = 100 * 365 * 86_400_000
"""For withdrawn items: a tombstone that is cleaned away would bring its item back with the next start of a worker."""
COMPACTION = {"min.cleanable.dirty.ratio": "0.2", "segment.ms": "3600000"}


class TopicReport(Struct, frozen=True):
    """One topic as it is on the cluster, and what is wrong with it, if anything."""

    topic: Topic
    partitions: int | None
    problem: str = ""


def topic_config(topic: Topic, settings: Settings) -> dict[str, str]:
    """The settings of a topic on the cluster."""
    config: dict[str, str] = {"cleanup.policy": topic.cleanup}
    if topic.name in KEPT_LONG:
        config["retention.ms"] = str(int(settings.topics.interactions_retention_days * 86_400_000))
    elif topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
        # Only whole segments are deleted: one must be closed before what is in it is old.
        config["segment.ms"] = str(min(topic.retention_ms, 86_400_000))
    if topic.name == ITEMS:
        config["delete.retention.ms"] = str(FOR_EVER_MS)
    if topic.name in (DEAD_LETTERS, MISROUTED):
        config["max.message.bytes"] = str(MESSAGE_BYTES_LIMIT)
    return config | (COMPACTION if topic.cleanup == "compact" else {})


def create_topics(settings: Settings, admin: KafkaAdmin) -> list[str]:
    """Create what is missing; the names of what was created. Existing topics are never changed."""
    known = admin.partitions()
    wanted = topic_partitions(settings)
    created = []
    for topic in TOPICS:
        if topic.name not in known:
            admin.create(
                topic.name,
                partitions=wanted[topic.name],
                replication=settings.topics.replication,
                config=topic_config(topic, settings),
            )
            created.append(topic.name)
    return created


def check_topics(settings: Settings, admin: KafkaAdmin) -> list[TopicReport]:
    """Every topic of the table, with what is wrong with it on the cluster."""
    known = admin.partitions()
    wanted = topic_partitions(settings)
    return [
        TopicReport(topic, known.get(topic.name), _problem(topic, known.get(topic.name), wanted[topic.name], admin))
        for topic in TOPICS
    ]


def refuse_wrong_topics(settings: Settings, admin: KafkaAdmin) -> None:
    """Checked at the start of what owns partitions: with other counts a person would have several owners, or none.

    Raises:
        SettingsError: a topic differs from the contract; names it and how.
    """
    wrong = [f"{report.topic.name}: {report.problem}" for report in check_topics(settings, admin) if report.problem]
    if wrong:
        raise SettingsError("topics differ from the settings: " + "; ".join(wrong))


def _problem(topic: Topic, partitions: int | None, wanted: int, admin: KafkaAdmin) -> str:
    if partitions is None:
        return "missing: `lifelong topics create` makes it"
    if partitions != wanted:
        return f"has {partitions} partitions, the settings want {wanted}"
    cleanup = admin.settings(topic.name).get("cleanup.policy")
    if cleanup != topic.cleanup:
        return f"cleanup.policy is {cleanup!r}, the contract says {topic.cleanup!r}"
    return ""
