"""The reference of topics and messages: the topic table, and the fields of every message as published."""

from __future__ import annotations

from deploy.reference.fields import EXPLAINED, messages
from deploy.reference.markdown import table
from deploy.topics import REBUILD_TOPICS
from schemas.publishing.publish import topic_schema
from schemas.topics import DAY_MS, TOPICS, Topic

TOPICS_HEADER = ("topic", "key", "cleanup", "retention", "partitions", "what it carries")
PARTITIONS = {"person": "as users", "item": "as items", "one": "1"}
TOPICS_INTRODUCTION = f"""\
Topic names carry the prefix of `topics.prefix`. Topics spread *as users* have `topics.person_partitions` partitions,
*as items* `topics.item_partitions`. Interactions are kept for `topics.interactions_retention_days`.

Values are JSON; unknown fields are ignored, invalid or missing ones lead to a dead letter with a reason. The JSON
Schemas and an AsyncAPI 3 document are in `schemas/published/`; `make schemas` writes them from the same types as this
page. Texts are:

{EXPLAINED}
"""


def topics_page() -> str:
    """Return the page as Markdown."""
    parts = ["# Topics and messages", TOPICS_INTRODUCTION, table(TOPICS_HEADER, [_row(topic) for topic in TOPICS])]
    for topic in TOPICS:
        parts += [f"## {topic.name}", _sentence(topic), messages(topic_schema(topic), level=3)]
    return "\n\n".join(parts) + "\n"


def _row(topic: Topic) -> tuple[str, ...]:
    link = f"[`{topic.name}`](#{topic.name})"
    return link, topic.key, topic.cleanup, retention(topic), PARTITIONS[topic.spread], topic.summary


def retention(topic: Topic) -> str:
    """Return how long records are kept, in words.

    >>> [retention(topic) for topic in TOPICS if topic.name in ("rank-requests", "items", "plans")]
    ['10 min', 'the newest of each key', '90 days']
    """
    if topic.cleanup == "compact":
        return "the newest of each key"
    if topic.name in REBUILD_TOPICS:
        return "as interactions"
    if topic.retention_ms is None:
        return "the broker's default"
    days, remaining_ms = divmod(topic.retention_ms, DAY_MS)
    return f"{remaining_ms // 60_000} min" if not days else f"{days} days"


def _sentence(topic: Topic) -> str:
    return f"{topic.summary[:1].upper()}{topic.summary[1:]}. Key: {topic.key}."
