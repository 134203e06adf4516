"""The house's own rules, held against the code."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import schemas.errors
from deploy.settings import Settings
from schemas import topics
from schemas.topics import BY_NAME, DEAD_LETTERS, PERSON_TOPICS
from streams.routes import (
    AGGREGATOR,
    GATEWAY,
    GATEWAY_SEARCH,
    PLANNER,
    PROJECTOR,
    READS,
    TRAINER,
    WORKER,
    WORKER_ENVELOPES,
    WORKER_INPUTS,
    WORKER_TABLES,
)

ROOT = Path(__file__).parent.parent
PACKAGES = ("schemas", "features", "agents", "inference", "streams", "deploy")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PRIVATE_WORDS = frozenset(
    {
        *("attention", "claim", "company", "contender", "contenders", "course", "crew", "door", "exam", "exams"),
        *("examiner", "floor", "floors", "gone", "held", "intake", "judged", "lesson", "likeness", "liking", "lineage"),
        *("mind", "outbox", "place", "places", "sitting", "situation", "statistician", "stray", "stranger", "taken"),
        *("tally", "told", "touched", "twin", "verdict", "went_back", "world"),
    }
)
"""Words that name nothing here: the field has terms of its own for what they meant (`docs/concepts/glossary.md`)."""
FIELDS_OF_MESSAGES = {("interactions.py", "place")}
"""Names that stay, as fields of messages: a context's place is where the user is."""
ROOM_SIZE = 27
"""Modules in a folder, its `__init__` too."""
SAME_CLASS_NAME: dict[str, str] = {
    "Weights": "the Triton model repository is a deployment of its own, which imports nothing of ours",
}
"""Public class names that stand twice, with the reason."""
SAME_CONSTANT_NAME: dict[str, str] = {}
"""Names of constants with several values, with the reason."""
DRAWERS = {"utils", "helpers", "common", "misc", "util"}
ROUTES = (WORKER, WORKER_ENVELOPES, WORKER_TABLES, AGGREGATOR, TRAINER, PROJECTOR, PLANNER, GATEWAY, GATEWAY_SEARCH)
OUTPUT_ONLY = {
    DEAD_LETTERS: "commands read them, once a person asks",
}
"""Topics that no process reads, each with the reason."""
PROCESSES = (
    "streams/worker",
    "streams/item_stats",
    "streams/trainer",
    "streams/projector",
    "streams/planner",
    "deploy/wiring.py",
    "deploy/gateway/wiring.py",
    "deploy/gateway/served/cache.py",
    "deploy/gateway/search/feed.py",
)
"""Where processes are: none of them lists topics beside the routes."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 40, f"{node.name} is long"


def test_there_is_no_drawer() -> None:
    assert not [path for path in SOURCES if path.stem in DRAWERS or path.parent.name in DRAWERS]


def test_every_topic_is_read_by_a_process_or_is_output_only_for_a_reason() -> None:
    read = {topic for route in ROUTES for topic in route}
    assert read | set(OUTPUT_ONLY) == set(BY_NAME)
    assert not read & set(OUTPUT_ONLY)
    assert {topic for reads in READS.values() for topic in reads} == read


def test_every_handler_is_in_the_file_named_for_its_topic() -> None:
    for topic, handler in (pair for route in ROUTES for pair in route.items()):
        assert handler.__module__ == f"streams.handlers.on_{topic.replace('-', '_')}"


def test_every_file_of_a_topic_is_routed() -> None:
    files = {path.stem for path in (ROOT / "streams" / "handlers").glob("on_*.py")}
    assert files == {f"on_{topic.replace('-', '_')}" for route in ROUTES for topic in route}


def test_processes_know_their_topics_from_the_routes_alone() -> None:
    """A collection or an argument of topic names in a process is a second list, which the table does not know of."""
    constants = {name for name, value in vars(topics).items() if isinstance(value, str) and value in BY_NAME}
    within = [path for path in SOURCES if str(path.relative_to(ROOT)).startswith(PROCESSES)]
    assert within
    for path in within:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                names = [element.id for element in node.elts if isinstance(element, ast.Name)]
            elif isinstance(node, ast.Dict):
                names = [key.id for key in node.keys if isinstance(key, ast.Name)]
            else:
                continue
            assert not constants & set(names), f"{path.name}:{node.lineno} lists topics beside streams/routes.py"


def test_routes_are_read_without_what_single_processes_need() -> None:
    """A worker and a gateway dispatch by the table too, and their images have neither torch nor Feast."""
    code = "import sys, streams.routes; print([name for name in ('torch', 'pandas', 'feast') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_topics_that_a_users_owner_reads_are_spread_alike() -> None:
    assert set(WORKER) == PERSON_TOPICS
    assert {BY_NAME[name].spread for name in WORKER_INPUTS} == {"person"}


def _public_definitions(*kinds: type[ast.stmt]) -> defaultdict[str, list[str]]:
    """Names of public classes or constants, each with the files that define it."""
    found = defaultdict[str, list[str]](list)
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            name = node.name if isinstance(node, ast.ClassDef) else ""
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(targets[0], ast.Name):
                name = targets[0].id if targets[0].id.isupper() else ""
            if isinstance(node, kinds) and name and not name.startswith("_"):
                found[name].append(f"{path.relative_to(ROOT)}: {ast.unparse(node)}")
    return found


def _names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a module gives to something of its own, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno


def test_names_are_words_of_the_field() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in SOURCES
        for name, line in _names(ast.parse(path.read_text()))
        if name.strip("_") in PRIVATE_WORDS and (path.name, name) not in FIELDS_OF_MESSAGES
    }
    assert sorted(found) == []


def test_rooms_are_no_drawers() -> None:
    """A folder holds no more modules than one can take in; the rooms inside a larger one are to be found."""
    sizes = Counter(path.parent.relative_to(ROOT) for path in SOURCES)
    assert {str(folder): size for folder, size in sizes.items() if size > ROOM_SIZE} == {}


def test_no_public_class_name_is_used_twice() -> None:
    twice = {name: where for name, where in _public_definitions(ast.ClassDef).items() if len(where) > 1}
    assert sorted(set(twice) - set(SAME_CLASS_NAME)) == []


def test_constants_of_one_name_have_one_value() -> None:
    found = _public_definitions(ast.Assign, ast.AnnAssign)
    values = {name: {line.split(": ", 1)[1] for line in where} for name, where in found.items()}
    assert sorted(name for name, given in values.items() if len(given) > 1 and name not in SAME_CONSTANT_NAME) == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether the handler catches what nobody foresaw and does not raise it again."""
    caught = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"all"}
    ends_with_raise = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
    return bool(caught & {"all", "Exception", "BaseException"}) and not ends_with_raise


def test_only_the_guard_catches_everything() -> None:
    broad = [
        path.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
    ]
    assert broad == ["guard.py"]


def _drawn_tree() -> dict[str, str]:
    """Each exception and its parent, as the docstring of `schemas.errors` draws them."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (schemas.errors.__doc__ or "").splitlines():
        found = re.match(r"((?:│   |    )*(?:├── |└── )?)([A-Z]\w+)", line)
        if found is None or not (path or found[2] == "LifelongError"):
            continue
        depth = len(found[1]) // 4
        path = [*path[:depth], found[2]]
        parents[found[2]] = path[depth - 1] if depth else ""
    return parents


def test_exceptions_are_one_tree_and_the_docstring_draws_it() -> None:
    classes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                classes[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    found: dict[str, str] = {}
    known = {name for name in vars(builtins) if name.endswith(("Error", "Exception"))}
    while more := {n: b[0] for n, b in classes.items() if b and n not in found and (b[0] in known or b[0] in found)}:
        found |= more
    assert {name for name, base in found.items() if base in known} == {"LifelongError"}
    assert _drawn_tree() == {name: base if base in found else "" for name, base in found.items()}


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
    heavy = ("torch", "pandas", "feast")
    assert loaded("import deploy.cli.commands", *heavy) == []
    assert loaded("from deploy.cli.app import make_app; make_app(['worker'])", *heavy, "pyarrow", "rich") == []
    assert loaded("import features.feast_store", "torch") == []


def loaded(code: str, *names: str) -> list[str]:
    """Return which of these modules a new interpreter has loaded after running the code."""
    code += f"; import sys; print(*[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()
