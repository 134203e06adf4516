"""No text from data controls a terminal or forges a line of a log, and no markup in it breaks a command."""

from __future__ import annotations

import ast
import json
import logging
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Group, RenderableType

from deploy.cli import dead_letters, look, models, shown
from deploy.cli.app import unreadable
from deploy.cli.terminal import Console
from deploy.letters import folded, readable
from deploy.printable import PrintableFormatter, printable, printable_json
from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.ids import EventId, ItemId, MemoryId, UserId
from schemas.memories import Memory
from schemas.model_updates import ModelUpdate
from schemas.topics import DEAD_LETTERS
from streams.log.records import Inbound
from streams.state.user_record import new_user
from tests.unit.deploy.gateway_fixtures import list_of

CLI = Path(dead_letters.__file__).parent
HOSTILE = (
    "[/nope]",
    "[bold",
    "[/]",
    "a\\",
    "[link=file:///etc/passwd]x",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "b\rc\x08",
    "\u202egnp.exe",
    "line\nforged 2026-01-01 INFO all is well",
    "\ud800",
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))


def shown_by(*renderables: RenderableType, width: int = 100) -> str:
    file = StringIO()
    Console(file=file, width=width, highlight=False).print(Group(*renderables))
    return file.getvalue()


def is_harmless(text: str) -> bool:
    return all(line == printable(line) for line in text.split("\n"))


@given(texts, st.sampled_from([40, 100]))
@example("[/nope]", 40)
@example("\x1b[2J", 100)
def test_why_shows_any_text_and_obeys_none(text: str, width: int) -> None:
    console = Console(file=StringIO(), width=width)
    recommendation = list_of("u1", 1, trigger_event_ids=(text,), degradations=(text,), experiment=text, arm=text)
    slate = replace(recommendation.slates[0], items=(replace(recommendation.slates[0].items[0], reason=text),))
    recommendation = replace(recommendation, slates=(slate,), user_id=UserId(text))
    memory = Memory(
        memory_id=MemoryId("m"), user_id=UserId("u"), subject="category", predicate="likes", value=text, strength=1.0,
        source="inferred", evidence=(EventId(text),), valid_from=0.0, recorded_from=0.0,
    )  # fmt: skip
    user = new_user(UserId("u"))
    user = replace(user, agent=replace(user.agent, memories=(memory,)))
    titles = {ItemId("i0"): text}
    table = look.list_table(console, recommendation, titles)
    output = shown_by(table, look._timings(recommendation, 1.0), *look._agent(console, user), width=width)
    assert is_harmless(output)


def letters_of(text: str) -> list[DeadLetter]:
    fields: dict[str, Any] = {
        "dead_letter_id": text, "topic": text, "partition": 0, "offset": 0, "key": None, "value": None,
        "reason": "invalid", "message": text, "wall_time": 1e300, "headers": ((text, None),),
    }  # fmt: skip
    record = Inbound(topic=DEAD_LETTERS, partition=0, offset=0, key=None, value=None, timestamp=0.0)
    try:
        value = encode(DeadLetter(**fields))
    except (msgspec.EncodeError, UnicodeEncodeError):
        value = b"\xff"
    return folded(readable([replace(record, value=value)], now=2e9))


@given(texts)
@example("[/nope]")
def test_garbage_in_dead_letters_is_listed_and_shown(text: str) -> None:
    for letter in letters_of(text):
        console = Console(file=StringIO(), width=100)
        rows = [dead_letters._row(letter)]
        assert is_harmless(shown_by(shown.listing(console, dead_letters.LETTER_COLUMNS, rows)))
        file = StringIO()
        dead_letters.show_letter(Console(file=file, width=100, highlight=False), letter)
        assert is_harmless(file.getvalue())


@given(texts)
def test_a_decision_is_shown_whatever_its_texts(text: str) -> None:
    update = ModelUpdate(
        model="ranker", version=1, uri="", table="", score=0.0, metric="mrr", examples=1, wall_time=1.0,
        decision_id=text, decision="promoted", variant=text, against=text, by="operator", reason=text,
    )  # fmt: skip
    console = Console(file=StringIO(), width=100)
    assert is_harmless(shown_by(models.history_table(console, [update])))


@given(texts.filter(lambda text: text.isprintable() or "\ud800" not in text))
def test_json_holds_the_same_value_and_no_control_character(text: str) -> None:
    encoded = msgspec.json.encode({"text": text}).decode()
    assert json.loads(printable_json(encoded)) == {"text": text}
    assert is_harmless(printable_json(encoded))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_message_of_the_log_is_one_line(text: str) -> None:
    logger, file = logging.Logger("test"), StringIO()
    handler = logging.StreamHandler(file)
    handler.setFormatter(PrintableFormatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.warning("the event %s is refused", text)
    [line] = file.getvalue().splitlines()
    assert line == f"WARNING the event {printable(text)} is refused"
    try:
        raise ValueError(text)
    except ValueError as exc:
        logger.error("failed", exc_info=exc)
    assert "\x1b" not in file.getvalue()
    assert "\x9b" not in file.getvalue()


def test_styles_of_commands_stay() -> None:
    file = StringIO()
    Console(file=file, force_terminal=True, color_system="standard", highlight=False).print("[green]fine[/] \x1b[31m")
    assert file.getvalue() == "\x1b[32mfine\x1b[0m \\x1b[31m\n"


def test_an_error_about_a_file_quotes_its_name() -> None:
    assert "\x1b" not in unreadable(FileNotFoundError(2, "No such file", "a\x1b[2J.csv"))


@pytest.mark.parametrize("path", sorted(CLI.rglob("*.py")), ids=lambda path: path.name)
def test_every_command_prints_through_the_safe_terminal(path: Path) -> None:
    """`typer.echo` prints only what no data is part of: numbers, names of topics, files that the code generates."""
    if path.name == "terminal.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "rich.console":
            assert "Console" not in {alias.name for alias in node.names}
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write"):
            raise AssertionError(f"line {node.lineno} prints past the terminal's guard")
