"""Access rights on the cluster: one principal per process, with the least privileges.

`lifelong topics create` grants them where the broker has an authorizer, as the embedded one has; other grants are never
revoked. A process logs in as its principal by `kafka.sasl_username` and `kafka.sasl_password` of its own environment.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from deploy.clients import user_group
from deploy.settings import Settings
from schemas.topics import (
    DEAD_LETTERS,
    ERASURES,
    EXTERNAL_SIGNALS,
    INSTRUCTIONS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_PERCEPTIONS,
    ITEM_STATISTICS,
    ITEMS,
    MEMORIES,
    MISROUTED,
    MODEL_UPDATES,
    OCCASIONS,
    OFFERS,
    PERCEIVED_EVENTS,
    PLAN_PROPOSALS,
    PLANS,
    QUARANTINES,
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
    """A principal's rights: topics that it reads and writes, its consumer group, a group whose offsets it reads, and
    whether it compares the topics with their contract at start. With `many_groups` it may be in every group whose name
    begins with `group`.
    """

    process: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: str = ""
    many_groups: bool = False
    watches: str = ""
    checks: bool = False


def access(settings: Settings) -> tuple[Access, ...]:
    """Return the table. `application` is for programs that produce events and subscribe to lists, `operator`
    for `lifelong quarantine` and `lifelong user erase`, `connector` for `lifelong signals`.
    """
    return (
        _worker(settings),
        Access(
            process="statistics",
            reads=READS["statistics"],
            writes=(ITEM_STATISTICS, DEAD_LETTERS),
            group=settings.statistics.group,
            many_groups=True,
            checks=True,
        ),
        Access(
            process="trainer",
            reads=READS["trainer"],
            writes=(MODEL_UPDATES, DEAD_LETTERS),
            group=settings.trainer.group,
        ),
        _projector(settings),
        _perceiver(settings),
        Access(
            process="planner",
            reads=READS["planner"],
            writes=(PLAN_PROPOSALS, DEAD_LETTERS),
            group=settings.llm.group,
        ),
        Access(
            process="gateway",
            reads=READS["gateway"],
            writes=(INTERACTIONS, INSTRUCTIONS, ERASURES, ITEMS, RANK_REQUESTS, OCCASIONS, DEAD_LETTERS),
            watches=user_group(settings),
        ),
        Access(process="operator", reads=(QUARANTINES,), writes=(QUARANTINES, ERASURES)),
        Access(process="connector", reads=(EXTERNAL_SIGNALS,), writes=(EXTERNAL_SIGNALS,)),
        _application(),
    )


def _worker(settings: Settings) -> Access:
    """Return the worker's rights: it reads the offers that it makes."""
    outputs = (RECOMMENDATIONS, PLANS, MEMORIES, RANKING_LOG, ITEM_DELTAS, OCCASIONS, OFFERS)
    return Access(
        process="worker",
        reads=READS["worker"],
        writes=(*outputs, MISROUTED, DEAD_LETTERS),
        group=settings.worker.group,
        many_groups=True,
        checks=True,
    )


def _projector(settings: Settings) -> Access:
    """Return the projector's rights: of users who were erased it withdraws the memories."""
    return Access(
        process="projector",
        reads=READS["projector"],
        writes=(MEMORIES, DEAD_LETTERS),
        group=settings.projector.group,
    )


def _application() -> Access:
    """Return the rights of programs that produce events and subscribe to lists and offers."""
    return Access(
        process="application",
        reads=(RECOMMENDATIONS, OFFERS),
        writes=(INTERACTIONS, INSTRUCTIONS, RANK_REQUESTS, OCCASIONS, ITEMS),
        group="application",
        many_groups=True,
    )


def _perceiver(settings: Settings) -> Access:
    """Return the perceiver's rights: for each set of encoders it reads the catalogue in a group of its own."""
    return Access(
        process="perceiver",
        reads=READS["perceiver"],
        writes=(ITEM_PERCEPTIONS, PERCEIVED_EVENTS, DEAD_LETTERS),
        group=settings.perception.group,
        many_groups=True,
    )


def principal(process: str, settings: Settings) -> str:
    """Return a process's principal on the broker.

    >>> principal("worker", Settings())
    'User:lifelong-worker'
    """
    return f"User:{settings.kafka.principal_prefix}{process}"


def grants(settings: Settings) -> list[Grant]:
    """Return all grants of all principals."""
    prefix = settings.topics.prefix
    return [
        Grant(
            principal=principal(rights.process, settings),
            kind=kind,
            name=f"{'' if name == NO_GROUP else prefix}{name}",
            operation=operation,
            prefixed=rights.many_groups and kind == "group" and name == rights.group,
        )
        for rights in access(settings)
        for kind, name, operation in _needed(rights)
    ]


def _needed(rights: Access) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and operation of each grant; READ and WRITE imply DESCRIBE."""
    yield from (("topic", name, "READ") for name in rights.reads)
    yield from (("topic", name, "WRITE") for name in rights.writes)
    if rights.checks:
        yield from (("topic", name, operation) for name in ALL_TOPICS for operation in ("DESCRIBE", "DESCRIBE_CONFIGS"))
    if rights.watches:
        yield ("topic", INTERACTIONS, "DESCRIBE")
        yield ("group", rights.watches, "DESCRIBE")
    if rights.group:
        yield ("group", rights.group, "READ")
    # Tables are read whole, in no group; the client asks for the group's offsets all the same.
    yield ("group", NO_GROUP, "READ")


def grant_access(settings: Settings, admin: KafkaAdmin) -> int:
    """Grant everything, where the broker has an authorizer; return the number of grants, 0 without an authorizer.

    Raises:
        KafkaRefused: this login may not grant.
    """
    required = grants(settings)
    return len(required) if admin.grant(required) else 0
