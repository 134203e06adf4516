"""Least privilege: a process is granted everything that it does, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import schemas.topics
from deploy.acls import access, grants
from deploy.embedded.choices import KAFKA_PRINCIPALS
from deploy.settings import Settings, TopicSettings
from schemas.topics import DEAD_LETTERS, INTERACTIONS, RECOMMENDATIONS, TOPICS
from streams.routes import (
    AGGREGATOR,
    GATEWAY,
    GATEWAY_SEARCH,
    PERCEIVER,
    PLANNER,
    PROJECTOR,
    READS,
    TRAINER,
    WORKER,
    WORKER_ENVELOPES,
    WORKER_TABLES,
)

ROOT = Path(__file__).parents[3]
TABLE = {grant.process: grant for grant in access(Settings())}


def published_in(package: str) -> set[str]:
    """Return the topics that `Message(TOPIC, …)` names anywhere in a package."""
    topics = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Message" and node.args:
                name = getattr(node.args[0], "id", "")
                topics |= {getattr(schemas.topics, name)} if name.isupper() else set()
    return topics


def test_readers_are_granted_the_topics_that_they_read() -> None:
    assert {name: set(TABLE[name].reads) for name in READS} == {
        "worker": {*WORKER, *WORKER_ENVELOPES, *WORKER_TABLES},
        "statistics": set(AGGREGATOR),
        "trainer": set(TRAINER),
        "projector": set(PROJECTOR),
        "perceiver": set(PERCEIVER),
        "planner": set(PLANNER),
        "gateway": set(GATEWAY) | set(GATEWAY_SEARCH),
    }


def test_every_published_topic_may_be_written_by_a_process() -> None:
    ours = [TABLE[name] for name in ("worker", "statistics", "trainer", "perceiver", "planner")]
    assert published_in("streams") <= {topic for grant in ours for topic in grant.writes}


def test_every_topic_has_a_writer_and_only_dead_letters_have_no_reader() -> None:
    names = {topic.name for topic in TOPICS}
    assert {topic for grant in TABLE.values() for topic in grant.writes} == names
    assert names - {topic for grant in TABLE.values() for topic in grant.reads} == {DEAD_LETTERS}


def test_only_workers_write_lists_and_only_gateway_and_applications_write_events() -> None:
    assert [name for name, grant in TABLE.items() if RECOMMENDATIONS in grant.writes] == ["worker"]
    assert [name for name, grant in TABLE.items() if INTERACTIONS in grant.writes] == ["gateway", "application"]


def test_the_page_on_security_shows_the_table() -> None:
    page = (ROOT / "docs" / "operations" / "security.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([a-z, -]+) \| ([a-z, -]+?)(?:, in consumer groups .*)? \|$", page, re.MULTILINE)
    shown = {name: (set(writes.split(", ")), set(reads.split(", "))) for name, writes, reads in rows}
    assert shown == {name: (set(rights.writes), set(rights.reads)) for name, rights in TABLE.items()}


def test_the_embedded_broker_has_a_login_for_every_principal() -> None:
    assert set(KAFKA_PRINCIPALS) == set(TABLE)


def test_an_application_names_its_own_groups_and_nobody_elses() -> None:
    own = [grant for grant in grants(Settings()) if grant.principal == "User:lifelong-application"]
    assert [grant.name for grant in own if grant.prefixed] == ["application"]
    assert not any(rights.group.startswith("application") for name, rights in TABLE.items() if name != "application")


def test_grants_name_topics_and_groups_as_they_are_on_the_cluster() -> None:
    granted = grants(Settings(topics=TopicSettings(prefix="shop.")))
    assert {grant.name for grant in granted if grant.kind == "topic"} == {f"shop.{topic.name}" for topic in TOPICS}
    assert {
        grant.name for grant in granted if grant.kind == "group" and grant.principal == "User:lifelong-trainer"
    } == {
        "shop.lifelong-trainer",
        "unused",
    }
