"""Least privilege: everything that a process does is granted, and what is not its own is not."""

from __future__ import annotations

import ast
from pathlib import Path

import schemas.topics
from deploy.acls import access, grants
from deploy.gateway.cache import CACHED_TOPICS
from deploy.settings import Settings, TopicSettings
from schemas.topics import DEAD_LETTERS, INTERACTIONS, RECOMMENDATIONS, TOPICS
from streams.projector.process import PROJECTED_TOPICS
from streams.routes import PERSON_INPUTS, TABLES

ROOT = Path(__file__).parents[3]
TABLE = {one.process: one for one in access(Settings())}


def published_in(package: str) -> set[str]:
    """The topics that `Message(TOPIC, …)` names anywhere in a package."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Message" and node.args:
                name = getattr(node.args[0], "id", "")
                found |= {getattr(schemas.topics, name)} if name.isupper() else set()
    return found


def test_readers_may_read_what_they_read() -> None:
    assert set(TABLE["worker"].reads) == {*PERSON_INPUTS, *TABLES}
    assert set(TABLE["projector"].reads) == set(PROJECTED_TOPICS)
    assert set(TABLE["gateway"].reads) == set(CACHED_TOPICS)


def test_what_handlers_publish_one_of_the_processes_may_write() -> None:
    ours = [TABLE[name] for name in ("worker", "statistics", "trainer")]
    assert published_in("streams") <= {topic for one in ours for topic in one.writes}


def test_every_topic_has_a_writer_and_only_what_is_set_aside_has_no_reader_among_processes() -> None:
    names = {topic.name for topic in TOPICS}
    assert {topic for one in TABLE.values() for topic in one.writes} == names
    assert names - {topic for one in TABLE.values() for topic in one.reads} == {DEAD_LETTERS, "plans"}


def test_only_workers_write_lists_and_only_the_door_and_applications_write_events() -> None:
    assert [name for name, one in TABLE.items() if RECOMMENDATIONS in one.writes] == ["worker"]
    assert [name for name, one in TABLE.items() if INTERACTIONS in one.writes] == ["gateway", "application"]


def test_grants_name_topics_and_groups_as_they_are_on_the_cluster() -> None:
    made = grants(Settings(topics=TopicSettings(prefix="shop.")))
    assert {one.name for one in made if one.kind == "topic"} == {f"shop.{topic.name}" for topic in TOPICS}
    assert {one.name for one in made if one.kind == "group" and one.principal == "User:lifelong-trainer"} == {
        "shop.lifelong-trainer",
        "unused",
    }
