"""The command line as a whole: what all commands share, and how each fails without its files and servers."""

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
from deploy.cli.commands import COMMANDS
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
    "flink submit": "starts a job",
    "flink savepoint": "stores a state",
    "flink rescale": "changes a job",
    "flink cancel": "stops a job",
    "flink deployment": "prints JSON anyway",
    "send": "sends records",
    "import": "sends records",
    "signals facts": "sends records",
    "signals holidays": "sends records",
    "signals trends": "sends records",
    "topics create": "makes topics",
    "schemas write": "writes files",
    "models promote": "sends a command",
    "models rollback": "sends a command",
    "dead-letters replay": "sends records",
    "dead-letters dismiss": "marks dead letters",
    "evaluate export": "writes a file of JSON lines",
    "monitor prometheus": "becomes another program",
    "keys revoke": "revokes a key",
    "keys rotate-signing": "writes a file",
    "quarantine add": "sends records",
    "quarantine lift": "sends records",
    "user export": "prints JSON alone",
    "worker": "a process",
    "statistics": "a process",
    "trainer": "a process",
    "projector": "a process",
    "perceiver": "a process",
    "mcp": "a process",
    "llm-server": "a process",
    "planner": "a process",
    "gateway": "a process",
}
"""Commands without JSON output, each with what it does instead."""


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
from deploy.cli.commands import command_files
for words in {words!r}:
    command_files(words)
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
    """Run each command in a process without a terminal; return its standard error and its status.

    Most of what a command takes is starting Python, so they share that.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFELONG_")}
    environment |= {"COLUMNS": "80", "LIFELONG_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    environment |= {"LIFELONG_KAFKA__BOOTSTRAP": kafka} if kafka else {}
    code = SIDE_BY_SIDE.format(words=[list(words) for words in commands], folder=str(folder))
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=60)
    outcomes = {}
    for number, words in enumerate(commands):
        path = folder / f"{number}.said"
        *output, status = path.read_text().splitlines()
        outcomes[" ".join(words)] = (" ".join(output), status)
        path.unlink()
    return outcomes


@pytest.mark.parametrize("name", sorted(ALL.keys() - DOES.keys()))
def test_every_command_that_shows_something_prints_json_on_request(name: str) -> None:
    options = {option for parameter in ALL[name].params for option in parameter.opts}
    assert "--json" in options


def test_the_commands_without_json_exist() -> None:
    assert set(ALL) >= set(DOES)


def test_a_command_loads_its_own_file_and_each_file_adds_the_names_of_the_table() -> None:
    for file, names in COMMANDS.items():
        added = typer.main.get_command(make_app([names[0]]))
        commands_of_file = getattr(added, "commands", {added.name: added})
        assert set(commands_of_file) == set(names), file


@pytest.mark.parametrize("name", ["", *sorted(ALL)])
def test_help_has_two_names(name: str) -> None:
    shown = [CliRunner().invoke(make_app(), [*name.split(), flag]) for flag in ("-h", "--help")]
    assert [entry.exit_code for entry in shown] == [0, 0]
    assert shown[0].output == shown[1].output != ""


def test_the_version_is_printed() -> None:
    shown = CliRunner().invoke(make_app(), ["--version"])
    assert (shown.exit_code, shown.output.startswith("lifelong ")) == (0, True)


def test_shell_completion_can_be_installed() -> None:
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


def test_a_missing_file_is_named_without_a_traceback(tmp_path: Path) -> None:
    commands = [(*name.split(), *words) for name, arguments in FILES.items() for words in arguments]
    for command, (output, status) in side_by_side(tmp_path, commands).items():
        assert status in ("status 1 in time", "status 2 in time"), (command, output, status)
        assert "no-such-file" in output, command


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe" * 50, b"{"])
def test_a_file_of_another_format_is_refused_without_a_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.npz").write_bytes(content)
    (tmp_path / "log.jsonl").write_bytes(b"")
    commands = [
        ("evaluate", "policy", "--weights", "w.npz", "log.jsonl"),
        ("models", "promote", "--weights", "w.npz"),
        ("experiment", "results", "w.npz"),
    ]
    for command, (output, status) in side_by_side(tmp_path, commands).items():
        assert status == "status 1 in time", (command, output, status)


def test_a_file_that_cannot_be_written_is_refused_before_the_work_begins(tmp_path: Path) -> None:
    reports = [("replay", "x.csv", option, "no/folder/page") for option in ("--report", "--json", "--predictions")]
    commands = [("evaluate", "export", "no/folder/log.jsonl"), ("evaluate", "export", "."), *reports]
    for command, (output, status) in side_by_side(tmp_path, commands).items():
        assert status == "status 1 in time", command
        assert "cannot be written" in output, command
    assert list(tmp_path.iterdir()) == []


def test_checking_changes_no_file(tmp_path: Path) -> None:
    existing, fresh = tmp_path / "kept", tmp_path / "fresh"
    existing.write_text("before")
    check_writable(None, existing, fresh)
    assert (existing.read_text(), fresh.exists()) == ("before", False)
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


def test_an_unreachable_server_is_named_within_seconds_with_the_settings_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = f"127.0.0.1:{server.getsockname()[1]}"
    for command, (output, status) in side_by_side(tmp_path, AWAY, nowhere).items():
        assert status == "status 1 in time", (command, output)
        assert nowhere in output, command
        assert str(tmp_path / "data") in output, command


def test_without_a_stack_the_data_directory_and_the_settings_file_are_named(tmp_path: Path) -> None:
    outcomes = side_by_side(tmp_path, [("topics", "show")], kafka="")
    [(output, status)] = outcomes.values()
    assert status == "status 1 in time"
    assert f"{str(tmp_path / 'data')!r}, in which `lifelong up` has not run" in output
    assert f"{str(tmp_path / 'lifelong.toml')!r}, which does not exist" in output


def test_a_command_that_did_nothing_fails(tmp_path: Path) -> None:
    outcomes = side_by_side(tmp_path, [("send",), ("send", "--topic", "items")])
    assert {status for _, status in outcomes.values()} == {"status 1 in time"}


# Listings


@given(
    st.lists(st.lists(st.text("abc-", max_size=60), min_size=4, max_size=4), min_size=1, max_size=5),
    st.integers(40, 200),
)
def test_no_terminal_width_cuts_a_listing(rows: list[list[str]], width: int) -> None:
    columns = [Column("id"), Column("state"), Column("why", prose=True), Column("at")]
    console = Console(width=width, file=StringIO())
    console.print(listing(console, columns, rows))
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    for row in rows:
        for cell in (row[0], row[1], row[3]):
            # Cells wider than the terminal are folded.
            assert len(cell) > width - 12 or cell in shown
    assert all(len(line) <= width for line in shown.splitlines())


@given(st.sets(st.text("abcdef", min_size=6, max_size=6), min_size=1, max_size=8), st.data())
def test_a_unique_prefix_of_an_id_is_enough(ids: set[str], data: st.DataObject) -> None:
    expected = data.draw(st.sampled_from(sorted(ids)))
    beginning = expected[: data.draw(st.integers(1, 6))]
    matches = sorted(entry for entry in ids if entry.startswith(beginning))
    if len(matches) == 1:
        assert complete_id(beginning, list(ids), what="letter", hint="") == expected
    else:
        with pytest.raises(NoSuch) as caught:
            complete_id(beginning, list(ids), what="letter", hint="")
        assert all(entry in str(caught.value) for entry in matches[:5])


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    variants = known_variants(Settings(), [])
    assert variants == ["default", "faster", "slower"]
    refuse_unknown("faster", variants)
    with pytest.raises(NoSuch, match=r"'fastr' to promote: there are .*'slower'.*did you mean 'faster'"):
        refuse_unknown("fastr", variants)


# States of dead letters


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
def test_a_letter_has_the_state_of_its_newest_mark_and_keeps_its_record(steps: list[tuple[int, Any]]) -> None:
    log = [letter(n) if state == "open" else mark_of(letter(n), state, now=2.0) for n, state in steps]
    letters = {entry.offset: entry for entry in folded(log)}
    for number in range(4):
        own = [state for n, state in steps if n == number]
        if "open" not in own:
            assert number not in letters
            continue
        marks = [state for state in own[own.index("open") :] if state != "open"]
        assert letters[number].state == (marks[-1] if marks else "open")
        assert (letters[number].value, letters[number].wall_time) == (b"x", 1.0)
