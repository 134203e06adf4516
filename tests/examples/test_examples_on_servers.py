"""Examples that produce and consume, on a real stack."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def broker(system: System) -> tuple[str, str]:
    """A system with a catalogue and a worker: the file with an application's login, and the prefix of its topics."""
    system.catalogue()
    system.start()
    return str(system.settings.data_dir / "application.toml"), system.settings.topics.prefix


@pytest.fixture
def go_program(tmp_path: Path) -> Path:
    """The Go example, built; skipped where there is no Go, or where its modules cannot be fetched."""
    if not shutil.which("go"):
        pytest.skip("Go is not installed")
    folder, program = ROOT / "examples" / "go", tmp_path / "produce-and-consume"
    # Without a newer toolchain than the one that is installed: a test fetches no compiler.
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    fetched = subprocess.run(["go", "mod", "download"], cwd=folder, env=environment, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"Go is too old or cannot fetch its modules: {fetched.stderr.strip()[:200]}")
    subprocess.run(["go", "vet", "./..."], cwd=folder, env=environment, check=True)
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=folder, env=environment, check=True)
    return program


def test_the_python_example_prints_the_list_that_answers_its_click(broker: tuple[str, str]) -> None:
    login, prefix = broker
    command = [sys.executable, "-m", "examples.produce_and_consume", "ann", "war-0"]
    done = subprocess.run(
        [*command, "--login", login, "--prefix", prefix], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "war-0" not in done.stdout.split()
    assert len(done.stdout.split()) == 10


def test_the_go_example_prints_the_list_that_answers_its_click(go_program: Path, broker: tuple[str, str]) -> None:
    login, prefix = broker
    command = [str(go_program), "-user", "bob", "-item", "war-0", "-login", login, "-prefix", prefix]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 10


def test_the_live_page_pushes_the_list_that_answers_a_click(broker: tuple[str, str]) -> None:
    with live_page(*broker) as page:
        assert "EventSource" in httpx.get(page).text
        event = httpx.post(f"{page}/clicks/cleo", params={"item": "war-0"}, timeout=15).json()["event_id"]
        with httpx.stream("GET", f"{page}/lists/cleo", timeout=30) as lists:
            pushed = (
                json.loads(line.removeprefix("data: ")) for line in lists.iter_lines() if line.startswith("data:")
            )
            answer = next(made for made in pushed if event in made.get("trigger_event_ids", ()))
    assert answer["user_id"] == "cleo"


@contextmanager
def live_page(login: str, prefix: str) -> Iterator[str]:
    """The page's address, while it is served."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "examples.live_page", "--port", str(port)]
    process = subprocess.Popen([*command, "--login", login, "--prefix", prefix], cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(address), seconds=20, what="the page answers")
        yield address
    finally:
        process.terminate()
        process.wait(15)


def answers(address: str) -> bool:
    """Whether somebody serves there."""
    try:
        return httpx.get(address).is_success
    except httpx.TransportError:
        return False
