"""A language model proposes on the real stack; killed in the middle, nobody notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.embedded.http import answers
from deploy.monitoring.targets import free_port
from schemas.codec import decode
from schemas.plans import PlanEntry
from schemas.topics import PLANS
from tests.builders import START, click
from tests.e2e.system import System, wait_until
from tests.unit.planner.chat_server import chat_server, well
from tests.unit.planner.loop import GAP

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def proposed(system: System) -> list[PlanEntry]:
    entries = [decode(PLANS, record.value, now=START + 1e9) for record in system.records(PLANS)]
    return [entry for entry in entries if entry.plan.author == "llm"]


def test_a_proposal_is_followed_and_a_killed_endpoint_is_not_noticed(make_system: Callable[..., System]) -> None:
    port, sessions = free_port(), iter(range(1_000))
    with chat_server(well) as server:
        llm: dict[str, Any] = {"enabled": True, "url": server.url, "model": "small", "tool_rounds": 0}
        system = make_system(gateway={"port": port}, llm=llm | {"metrics_port": 0})
        for program in ("worker", "gateway", "planner"):
            system.start(program)
        system.catalogue()
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/ready"), seconds=60, what="a gateway")

        def has_plan_of_the_model() -> bool:
            number = next(sessions)
            system.send([click("ann", f"war-{number % 4}", at=number * GAP)])
            system.wait_applied()
            return any(entry.decision == "accepted" for entry in proposed(system))

        wait_until(has_plan_of_the_model, seconds=60, what="a plan of the model that is followed")
        server.kill()
        for _ in range(3):
            number = next(sessions)
            event = click("ann", f"comedy-{number % 4}", at=number * GAP)
            system.send([event])
            wait_until(lambda: event.event_id in _causes(system), seconds=20, what="a list")  # noqa: B023
        newest = system.newest("ann")
        assert newest is not None
        assert newest.plan_id not in {entry.plan.plan_id for entry in proposed(system)}


def _causes(system: System) -> tuple[str, ...]:
    newest = system.newest("ann")
    return newest.trigger_event_ids if newest is not None else ()
