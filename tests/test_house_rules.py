"""The house's own rules, held against the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.settings import Settings
from schemas.topics import BY_NAME, PERSON_TOPICS
from streams.routes import ITEMS_OWNED, PEOPLE, PERSON_INPUTS, TABLES

ROOT = Path(__file__).parent.parent
PACKAGES = ("schemas", "features", "agents", "inference", "streams", "deploy")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DRAWERS = {"utils", "helpers", "common", "misc", "util"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 40, f"{node.name} is long"


def test_there_is_no_drawer() -> None:
    assert not [path for path in SOURCES if path.stem in DRAWERS or path.parent.name in DRAWERS]


def test_every_route_is_a_topic_and_lives_in_the_file_named_for_it() -> None:
    for topic, handler in (PEOPLE | ITEMS_OWNED | TABLES).items():
        assert topic in BY_NAME
        assert handler.__module__ == f"streams.handlers.on_{topic.replace('-', '_')}"


def test_the_topics_that_a_persons_owner_reads_are_spread_alike() -> None:
    assert set(PEOPLE) == PERSON_TOPICS
    assert {BY_NAME[name].spread for name in PERSON_INPUTS} == {"person"}


def test_only_the_guard_catches_everything() -> None:
    caught = [path.name for path in SOURCES if re.search(r"except Exception\b", path.read_text())]
    assert caught == ["guard.py"]


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and hasattr(section, "model_fields"):
            assert section.__doc__, name


def test_nothing_of_a_machine_or_a_registry_is_in_the_tree() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    words = re.compile(r"/root/|/work/|files\.pythonhosted|\bapi[_-]?key\s*=\s*['\"][0-9a-f]{16}")
    for name in tracked:
        if name.endswith((".lock", ".png")) or name == "tests/test_house_rules.py":
            continue
        found = words.search((ROOT / name).read_text(errors="ignore"))
        assert not found, f"{name}: {found.group() if found else ''}"


def test_commands_load_what_they_need_when_they_run() -> None:
    """A worker is started by the command line too, and its image has neither torch nor the analyst's packages."""
    code = "import sys, deploy.cli.app; print([name for name in ('torch', 'pandas', 'feast') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
