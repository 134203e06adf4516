"""The whole path with a real language model: the worker's ledger, the planner, the model's own endpoint, the worker."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from deploy.embedded.http import answers
from deploy.embedded.supervisor import wait_until
from deploy.language_model.small_model import weights_path
from deploy.monitoring.targets import free_port
from tests.builders import click, item, send_event
from tests.unit.planner.loop import GAP, planned_loop

pytestmark = [pytest.mark.servers, pytest.mark.slow]
ITEMS = [item(f"{category}-{number}", category) for category in ("war", "comedy") for number in range(4)]


def test_a_small_model_on_this_cpu_weighs_memories_and_the_worker_follows() -> None:
    assert weights_path().is_file()
    port = free_port()
    command = [sys.executable, "-m", "deploy.cli", "llm-server", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            assert wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), seconds=120.0)
            limits = {"tool_rounds": 1, "plan_seconds": 240.0, "max_tokens": 120}
            with planned_loop(f"http://127.0.0.1:{port}/v1", ITEMS, **limits) as loop:
                for number, category in enumerate(("war", "comedy")):
                    send_event(loop.runner, click("ann", f"{category}-0", at=number * GAP))
                loop.plan()
                assert loop.seen.sent[-1].spent.tokens > 0
                assert set(loop.seen.calls) == {None}, "the endpoint answers as the protocol says"
                assert loop.seen.outcomes == ["proposed"], loop.seen.sent[-1]
                followed = loop.record("ann").agent.plan
                assert followed is not None
                assert followed.author == "llm"
        finally:
            server.send_signal(signal.SIGTERM)
