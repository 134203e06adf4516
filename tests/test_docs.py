"""The documentation, held against the code: sizes, links, numbers, names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from deploy.cli.app import make_app
from deploy.reference.pages import PAGES as GENERATED
from deploy.reference.pages import decisions_page, records
from deploy.settings import Settings
from deploy.settings.checks import setting_names
from schemas.event_kinds import KINDS
from schemas.topics import TOPICS
from tests.documents import PAGES, ROOT, blocks, documents

README_BYTES = 8_000
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)\s]*\)")
SETTING = re.compile(r"`([a-z]+\.[a-z_]+)`")
COMMAND = re.compile(r"`lifelong ((?:[a-z][a-z-]* ?)+)")
NAMED_PATH = re.compile(r"`((?:schemas|features|agents|inference|streams|deploy|docs|examples|tests)/[\w./-]*)`")
OUTSIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "examples/README.md")
"""What MkDocs does not see; it checks the links of the pages itself."""
COMMANDS = getattr(typer.main.get_command(make_app()), "commands", {})


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= README_BYTES


@pytest.mark.parametrize("name", OUTSIDE)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    document = ROOT / name
    links = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_decision_records_are_numbered_without_gaps_and_each_is_in_the_index() -> None:
    found = records(PAGES / "decisions")
    assert [path.name[:4] for path in found] == [f"{number:04}" for number in range(1, len(found) + 1)]
    assert all(path.read_text().startswith(f"# {path.name[:4]} ") for path in found)
    assert all(f"({path.name})" in decisions_page(PAGES / "decisions") for path in found)


def test_every_record_states_context_decision_and_consequences() -> None:
    parts = ("## Context\n", "## Decision\n", "## Consequences\n")
    assert [path.name for path in records(PAGES / "decisions") if not all(p in path.read_text() for p in parts)] == []


def test_every_file_and_folder_that_a_document_names_is_there() -> None:
    named = {(path.name, each) for path in documents() for each in NAMED_PATH.findall(path.read_text())}
    assert len(named) > 20
    assert {(page, each) for page, each in named if not (ROOT / each).exists()} == set()


def test_every_setting_that_a_document_names_is_one() -> None:
    sections = {path[0] for path in setting_names(Settings)}
    known = {".".join(path) for path in setting_names(Settings)}
    named = {(path.name, name) for path in documents() for name in SETTING.findall(path.read_text())}
    assert {(page, name) for page, name in named if name.split(".")[0] in sections and name not in known} == set()


def test_the_documents_list_every_type_of_event() -> None:
    names = {kind.__struct_config__.tag for kind in KINDS}
    types = re.search(r"Types are ([^.]+)\.", (ROOT / "docs/guides/kafka.md").read_text())
    assert types
    assert set(re.findall(r"[a-z-]+", types[1])) - {"and"} == names
    choices = {kind.__struct_config__.tag for kind, row in KINDS.items() if row.weight > 0.0}
    line = re.search(
        r"\*\*choice\*\* \| an event that selects an item: ([^|]+)\|", (ROOT / "docs/concepts/glossary.md").read_text()
    )
    assert line
    assert set(re.findall(r"[a-z-]+", line[1])) - {"or"} == choices


def test_every_command_that_a_document_names_is_one() -> None:
    named = {(path.name, words) for path in documents() for words in COMMAND.findall(path.read_text())}
    named |= {(b.name, c.removeprefix("lifelong ")) for b in blocks("sh") for c in b.commands if "lifelong " in c[:9]}
    assert {(page, words) for page, words in named if not is_command(words)} == set()


def is_command(words: str) -> bool:
    """Whether the first words name a command, and of a group of commands one of it or none."""
    first, *rest = words.split()
    command = COMMANDS.get(first)
    inner = getattr(command, "commands", None)
    return command is not None and (inner is None or not rest or rest[0] in inner)


def test_every_topic_setting_command_and_metric_is_on_its_generated_page() -> None:
    topics, settings = GENERATED["reference/topics.md"](), GENERATED["reference/settings.md"]()
    assert all(f"\n## {topic.name}\n" in topics for topic in TOPICS)
    assert all(f"`{'.'.join(path)}`" in settings for path in setting_names(Settings))
    commands, metrics = GENERATED["reference/cli.md"](), GENERATED["reference/metrics.md"]()
    assert all(f"\n## `lifelong {name}`\n" in commands for name in COMMANDS)
    used = set(re.findall(r"\blifelong_[a-z_]+", (ROOT / "deploy/monitoring/prometheus/alerts.yml").read_text()))
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in used}
    assert {name for name in families if f"`{name}`" not in metrics} == set()


def test_the_http_page_describes_every_operation_and_names_no_internals() -> None:
    page = GENERATED["reference/http.md"]()
    assert {"POST `/v1/interactions`", "GET `/v1/recommendations/{user_id}`", "GET `/health/ready`"} <= set(
        re.findall(r"^## (.*)$", page, re.MULTILINE)
    )
    assert set(re.findall(r"^\| `(\w+)` \| (?:query|path)", page, re.MULTILINE)) <= {
        *(
            "user_id",
            "item_id",
            "name",
            "filter",
            "boost",
            "with",
            "window",
            "surface",
            "locale",
            "n",
            "after",
            "timeout_ms",
            "fresh",
            "q",
            "k",
            "by",
            "user",
            "memory_id",
            "language",
            "time_zone",
            "category",
            "state",
            "kind",
            "subject",
        ),
    }


def test_generated_pages_are_not_committed() -> None:
    assert [path for path in GENERATED if (PAGES / path).exists()] == []


def test_nothing_is_fetched_to_read_the_site() -> None:
    text = (ROOT / "mkdocs.yml").read_text() + "".join(path.read_text() for path in Path(PAGES).rglob("*.md"))
    assert "font: false" in text
    assert not re.search(r"```mermaid|extra_javascript|<script|<img[^>]+https?:|!\[[^\]]*\]\(https?:", text)
