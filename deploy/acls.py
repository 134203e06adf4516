"""Who may do what on the cluster: one principal per process, each with the least that it needs.

`lifelong topics create` grants it where the broker has an authorizer; what is granted otherwise is never taken away.
A process logs in as its principal by `kafka.sasl_username` and `kafka.sasl_password` of its own environment.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from deploy.settings import Settings
from schemas.topics import (
    DEAD_LETTERS,
    INSTRUCTIONS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_STATISTICS,
    ITEMS,
    MEMORIES,
    MISROUTED,
    MODEL_UPDATES,
    PLANS,
    RANK_REQUESTS,
    RANKING_LOG,
    RECOMMENDATIONS,
    TOPICS,
)
from streams.log.kafka_admin import Grant, KafkaAdmin
from streams.log.kafka_client import NO_GROUP
from streams.routes import READS

ALL_TOPICS = tuple(topic.name for topic in TOPICS)


class Access(Struct, frozen=True, kw_only=True):
    """One principal: what it reads and writes, as which group, which groups it looks at, and whether it compares the
    topics with their contract when it begins.
    """

    process: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: str = ""
    watches: str = ""
    checks: bool = False


def access(settings: Settings) -> tuple[Access, ...]:
    """The table. `application` is for those who produce events and subscribe to lists, as a group of its own."""
    worker, trainer = settings.worker.group, settings.trainer.group
    return (
        Access(
            process="worker",
            reads=READS["worker"],
            writes=(RECOMMENDATIONS, PLANS, MEMORIES, RANKING_LOG, ITEM_DELTAS, MISROUTED, DEAD_LETTERS),
            group=worker,
            checks=True,
        ),
        Access(
            process="statistics",
            reads=READS["statistics"],
            writes=(ITEM_STATISTICS, DEAD_LETTERS),
            group=settings.statistics.group,
            checks=True,
        ),
        Access(process="trainer", reads=READS["trainer"], writes=(MODEL_UPDATES, DEAD_LETTERS), group=trainer),
        Access(
            process="projector",
            reads=READS["projector"],
            writes=(DEAD_LETTERS,),
            group=settings.projector.group,
        ),
        Access(
            process="gateway",
            reads=READS["gateway"],
            writes=(INTERACTIONS, INSTRUCTIONS, ITEMS, RANK_REQUESTS, DEAD_LETTERS),
            watches=worker,
        ),
        Access(
            process="application",
            reads=(RECOMMENDATIONS,),
            writes=(INTERACTIONS, INSTRUCTIONS, ITEMS),
            group="application",
        ),
    )


def principal(process: str, settings: Settings) -> str:
    """Whom a broker takes a process for.

    >>> principal("worker", Settings())
    'User:lifelong-worker'
    """
    return f"User:{settings.kafka.principal_prefix}{process}"


def grants(settings: Settings) -> list[Grant]:
    """Everything that is granted, by principal."""
    prefix = settings.topics.prefix
    return [
        Grant(principal(one.process, settings), kind, f"{'' if name == NO_GROUP else prefix}{name}", operation)
        for one in access(settings)
        for kind, name, operation in _needed(one)
    ]


def _needed(one: Access) -> Iterator[tuple[str, str, str]]:
    """Kind, name and operation of each; to read or to write is to describe too."""
    yield from (("topic", name, "READ") for name in one.reads)
    yield from (("topic", name, "WRITE") for name in one.writes)
    if one.checks:
        yield from (("topic", name, operation) for name in ALL_TOPICS for operation in ("DESCRIBE", "DESCRIBE_CONFIGS"))
    if one.watches:
        yield ("topic", INTERACTIONS, "DESCRIBE")
        yield ("group", one.watches, "DESCRIBE")
    if one.group:
        yield ("group", one.group, "READ")
    # Tables are read whole, in no group; the client asks for its place all the same.
    yield ("group", NO_GROUP, "READ")


def grant_access(settings: Settings, admin: KafkaAdmin) -> int:
    """Grant everything, where the broker has an authorizer; how many grants that are, 0 without one.

    Raises:
        KafkaRefused: whoever asks may not grant.
    """
    wanted = grants(settings)
    return len(wanted) if admin.grant(wanted) else 0
