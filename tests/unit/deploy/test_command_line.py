"""The command line as a whole: what every command has, and how each ends when it is given what is not there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from deploy.cli.app import make_app
from deploy.cli.models import known_variants, refuse_unknown
from deploy.cli.outputs import NotWritable, check_writable
from deploy.cli.shown import Column, NoSuch, complete_id, listing
from deploy.letters import folded, mark_of
from deploy.settings import Settings
from schemas.dead_letters import DeadLetter

ROOT = Path(__file__).parents[3]
DOES = {
    "up": "starts servers",
    "down": "stops servers",
    "restart": "restarts servers",
    "send": "sends records",
    "import": "sends records",
    "topics create": "makes topics",
    "schemas write": "writes files",
    "models promote": "sends a command",
    "models rollback": "sends a command",
    "dead-letters replay": "sends records",
    "dead-letters dismiss": "marks dead letters",
    "evaluate export": "writes a file of JSON lines",
    "monitor prometheus": "becomes another program",
    "worker": "a process",
    "statistics": "a process",
    "trainer": "a process",
    "projector": "a process",
    "gateway": "a process",
}
"""Commands that show nothing of what there is, each with what it does instead."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


ALL = dict(commands(typer.main.get_command(make_app())))


SIDE_BY_SIDE = """
import os, sys, time
from deploy.cli.app import main
os.chdir({folder!r})
children = []
for number, words in enumerate({words!r}):
    if not (child := os.fork()):
        sys.argv, began = ["lifelong", *words], time.monotonic()
        sys.stdin, sys.stderr = open(os.devnull), open(f"{folder}/{{number}}.said", "w")
        try:
            main()
        except SystemExit as exc:
            print("status", exc.code, "slow" if time.monotonic() - began > 20 else "in time", file=sys.stderr)
        except BaseException as exc:
            print("Traceback", repr(exc), file=sys.stderr)
        sys.stderr.flush()
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""
NOWHERE = "127.0.0.1:9"


def side_by_side(folder: Path, commands: Sequence[Sequence[str]], kafka: str = NOWHERE) -> dict[str, tuple[str, str]]:
    """Commands, each in a process without a terminal: what it says on standard error, and its status.

    Most of what a command takes is starting Python, so they share that.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFELONG_")}
    environment |= {"COLUMNS": "80", "LIFELONG_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    environment |= {"LIFELONG_KAFKA__BOOTSTRAP": kafka} if kafka else {}
    code = SIDE_BY_SIDE.format(words=[list(words) for words in commands], folder=str(folder))
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=60)
    told = {}
    for number, words in enumerate(commands):
        path = folder / f"{number}.said"
        *said, status = path.read_text().splitlines()
        told[" ".join(words)] = (" ".join(said), status)
        path.unlink()
    return told


@pytest.mark.parametrize("name", sorted(ALL.keys() - DOES.keys()))
def test_every_command_that_shows_something_shows_it_to_programs(name: str) -> None:
    options = {option for parameter in ALL[name].params for option in parameter.opts}
    assert "--json" in options


def test_the_commands_that_show_nothing_are_there() -> None:
    assert set(ALL) >= set(DOES)


@pytest.mark.parametrize("name", ["", *sorted(ALL)])
def test_help_is_asked_for_by_either_name(name: str) -> None:
    shown = [CliRunner().invoke(make_app(), [*name.split(), flag]) for flag in ("-h", "--help")]
    assert [each.exit_code for each in shown] == [0, 0]
    assert shown[0].output == shown[1].output != ""


def test_the_version_is_told() -> None:
    shown = CliRunner().invoke(make_app(), ["--version"])
    assert (shown.exit_code, shown.output.startswith("lifelong ")) == (0, True)


def test_a_shell_can_be_taught_to_complete() -> None:
    shown = CliRunner().invoke(make_app(), ["--help"])
    assert "--install-completion" in shown.output


MISSING = ("no-such-file.jsonl",)
FILES = {
    "evaluate policy": (MISSING, ("--weights", "no-such-file")),
    "experiment results": (MISSING,),
    "models promote": (("--weights", "no-such-file"),),
    "replay": (MISSING,),
    "import": (MISSING,),
    "send": (MISSING,),
}


def test_a_file_that_is_not_there_is_named_without_a_traceback(tmp_path: Path) -> None:
    commands = [(*name.split(), *words) for name, given in FILES.items() for words in given]
    for command, (said, status) in side_by_side(tmp_path, commands).items():
        assert status in ("status 1 in time", "status 2 in time"), (command, said, status)
        assert "no-such-file" in said, command


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe" * 50, b"{"])
def test_a_file_of_another_kind_is_refused_without_a_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.npz").write_bytes(content)
    (tmp_path / "log.jsonl").write_bytes(b"")
    commands = [
        ("evaluate", "policy", "--weights", "w.npz", "log.jsonl"),
        ("models", "promote", "--weights", "w.npz"),
        ("experiment", "results", "w.npz"),
    ]
    for command, (said, status) in side_by_side(tmp_path, commands).items():
        assert status == "status 1 in time", (command, said, status)


def test_a_file_that_cannot_be_written_is_refused_before_the_work_begins(tmp_path: Path) -> None:
    reports = [("replay", "x.csv", option, "no/folder/page") for option in ("--report", "--json", "--predictions")]
    commands = [("evaluate", "export", "no/folder/log.jsonl"), ("evaluate", "export", "."), *reports]
    for command, (said, status) in side_by_side(tmp_path, commands).items():
        assert status == "status 1 in time", command
        assert "cannot be written" in said, command
    assert list(tmp_path.iterdir()) == []


def test_checking_leaves_what_is_there_as_it_was(tmp_path: Path) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    kept.write_text("before")
    check_writable(None, kept, fresh)
    assert (kept.read_text(), fresh.exists()) == ("before", False)
    with pytest.raises(NotWritable, match="Is a directory"):
        check_writable(tmp_path)


AWAY = [
    ("dead-letters", "list"),
    ("dead-letters", "replay"),
    ("models", "list"),
    ("models", "promote", "faster"),
    ("tail", "--user", "ann"),
    ("why", "--user", "ann"),
    ("topics", "show"),
    ("send", "--user", "ann", "--item", "i1"),
    ("experiment", "results"),
]


def test_a_server_that_is_not_there_is_named_within_seconds_with_what_was_read(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = f"127.0.0.1:{server.getsockname()[1]}"
    for command, (said, status) in side_by_side(tmp_path, AWAY, nowhere).items():
        assert status == "status 1 in time", (command, said)
        assert nowhere in said, command
        assert str(tmp_path / "data") in said, command


def test_without_a_stack_the_data_directory_and_the_settings_file_are_named(tmp_path: Path) -> None:
    told = side_by_side(tmp_path, [("topics", "show")], kafka="")
    [(said, status)] = told.values()
    assert status == "status 1 in time"
    assert f"{str(tmp_path / 'data')!r}, in which `lifelong up` has not run" in said
    assert f"{str(tmp_path / 'lifelong.toml')!r}, which is not there" in said


def test_where_nothing_was_done_the_status_says_so(tmp_path: Path) -> None:
    told = side_by_side(tmp_path, [("send",), ("send", "--topic", "items")])
    assert {status for _, status in told.values()} == {"status 1 in time"}


# Listings


@given(
    st.lists(st.lists(st.text("abc-", max_size=60), min_size=4, max_size=4), min_size=1, max_size=5),
    st.integers(40, 200),
)
def test_nothing_of_a_listing_is_cut_whatever_the_terminal(rows: list[list[str]], width: int) -> None:
    columns = [Column("id"), Column("state"), Column("why", prose=True), Column("at")]
    console = Console(width=width, file=StringIO())
    console.print(listing(console, columns, rows))
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    for row in rows:
        for cell in (row[0], row[1], row[3]):
            # What is longer than the terminal itself is folded.
            assert len(cell) > width - 12 or cell in shown
    assert all(len(line) <= width for line in shown.splitlines())


@given(st.sets(st.text("abcdef", min_size=6, max_size=6), min_size=1, max_size=8), st.data())
def test_the_beginning_of_an_id_is_enough_where_it_is_that_of_one(ids: set[str], data: st.DataObject) -> None:
    wanted = data.draw(st.sampled_from(sorted(ids)))
    beginning = wanted[: data.draw(st.integers(1, 6))]
    alike = sorted(each for each in ids if each.startswith(beginning))
    if len(alike) == 1:
        assert complete_id(beginning, list(ids), what="letter", hint="") == wanted
    else:
        with pytest.raises(NoSuch) as caught:
            complete_id(beginning, list(ids), what="letter", hint="")
        assert all(each in str(caught.value) for each in alike[:5])


def test_a_lineage_that_nobody_knows_is_refused_with_those_that_there_are() -> None:
    known = known_variants(Settings(), [])
    assert known == ["default", "faster", "slower"]
    refuse_unknown("faster", known)
    with pytest.raises(NoSuch, match=r"'fastr' to promote: there are .*'slower'.*did you mean 'faster'"):
        refuse_unknown("fastr", known)


# What was done about dead letters


def letter(number: int) -> DeadLetter:
    return DeadLetter(
        dead_letter_id=f"id-{number}",
        topic="interactions",
        partition=0,
        offset=number,
        key=b"u",
        value=b"x",
        reason="invalid",
        message="",
        wall_time=1.0,
    )


STEPS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["open", "replayed", "dismissed"])), max_size=12)


@given(STEPS)
def test_a_letter_is_as_it_was_marked_last_and_keeps_what_it_came_with(steps: list[tuple[int, Any]]) -> None:
    log = [letter(n) if state == "open" else mark_of(letter(n), state, now=2.0) for n, state in steps]
    found = {each.offset: each for each in folded(log)}
    for number in range(4):
        mine = [state for n, state in steps if n == number]
        if "open" not in mine:
            assert number not in found
            continue
        marks = [state for state in mine[mine.index("open") :] if state != "open"]
        assert found[number].state == (marks[-1] if marks else "open")
        assert (found[number].value, found[number].wall_time) == (b"x", 1.0)
