"""Observations of a stack's processes: restarts, logs, and shared memory left behind."""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from deploy.cli.operations.stack import _table
from deploy.embedded import shared_memory
from deploy.embedded.logs import FollowedLog, last_lines
from deploy.embedded.restarts import Ends, ends_of
from deploy.embedded.status import StatusRow

BEGAN = "2026-01-01 10:00:00,000 INFO supervisord started with pid 7"


def ended(name: str, how: str = "exit status 1; not expected") -> str:
    return f"2026-01-01 10:00:05,123 WARN exited: {name} ({how})"


@given(st.lists(st.sampled_from(["worker", "redis", "item-x"]), max_size=30), st.integers(0, 30))
def test_every_end_since_the_supervisors_start_is_counted_and_none_before(names: list[str], began: int) -> None:
    lines = [ended(name) for name in names]
    lines.insert(min(began, len(lines)), BEGAN)
    after = names[min(began, len(names)) :]
    assert {name: listed.count for name, listed in ends_of(lines).items()} == {
        name: after.count(name) for name in after
    }


def test_the_last_end_is_reported_and_a_requested_stop_does_not_count() -> None:
    counted = ends_of([
        BEGAN,
        ended("worker"),
        ended("worker", "terminated by SIGKILL; not expected"),
        ended("redis", "exit status 0; expected"),
        "2026-01-01 10:01:00,000 WARN stopped: trainer (terminated by SIGTERM)",
        "no line of a log",
    ])  # fmt: skip
    assert counted == {
        "worker": Ends(2, "2026-01-01 10:00:05", "terminated by SIGKILL"),
        "redis": Ends(1, "2026-01-01 10:00:05", "exit status 0"),
    }


LINES = st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=9_000), max_size=40)


@given(LINES, st.integers(0, 50))
def test_the_end_of_a_log_is_its_last_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[str], n: int) -> None:
    path = tmp_path_factory.mktemp("logs") / "worker.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    assert last_lines(path, n) == (lines[-n:] if n else [])


def test_a_followed_log_returns_new_lines_also_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("before\n")
    followed = FollowedLog(path)
    assert followed.new_lines() == []
    with path.open("a") as log:
        log.write("one\ntw")
        log.flush()
        assert followed.new_lines() == ["one"]
        log.write("o\n")
    assert followed.new_lines() == ["two"]
    path.rename(tmp_path / "worker.log.1")
    path.write_text("three\n")
    assert followed.new_lines() == ["three"]


@pytest.fixture
def region() -> Iterator[Path]:
    path = shared_memory.SHM / f"lifelong-test-{uuid4().hex}"
    path.write_bytes(b"\0" * mmap.PAGESIZE)
    yield path
    path.unlink(missing_ok=True)


def test_a_region_of_a_killed_process_is_removed_and_one_in_use_is_not(region: Path) -> None:
    code = f"import mmap; f = open({str(region)!r}, 'r+b'); m = mmap.mmap(f.fileno(), 0); print(flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert region in shared_memory.regions_of([psutil.Process(process.pid)])
    assert shared_memory.remove([region]) == []
    process.kill()
    process.communicate()
    assert shared_memory.remove(shared_memory.named(region.name)) == [region]
    assert not region.exists()


def test_without_a_prefix_no_region_is_selected() -> None:
    assert shared_memory.named("") == set()


def rows() -> list[StatusRow]:
    names = ("kafka", "redis", "milvus", "triton", "worker", "statistics", "trainer", "projector", "gateway")
    end = "2026-01-01 10:00:05, exit status 1"
    flapping = StatusRow(
        "worker", "running", 4_194_304, 5.0, "http://127.0.0.1:31999", "GET failed", 123, "/l", 17, end
    )
    well = [StatusRow(name, "running", 4_194_304, 86_000.0, "127.0.0.1:31999/0", "", 1_234, "/l") for name in names]
    return [flapping if row.name == "worker" else row for row in well]


def test_status_fits_eighty_columns_and_shows_flapping_processes() -> None:
    console = Console(width=80, file=StringIO())
    console.print(_table(console, rows()))
    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "…" not in "".join(shown)
    assert len([line for line in shown if "31999" in line]) == 9
    assert any(line.split()[:3] == ["worker", "unhealthy", "17"] for line in shown)
    assert any("worker ended by itself 17 times" in line for line in shown)
