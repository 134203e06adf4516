"""The command that sets a goal: what it says is what the worker pursues."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app
from deploy.cli.user import instruct
from schemas.instructions import Instruction, SetGoal
from schemas.topics import INSTRUCTIONS
from tests.builders import START, click, make_runner, newest_list, send_event, small_catalogue


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--item", "war-5", "--item", "war-6", "--per-session", "2"],
            {"items": ("war-5", "war-6"), "per_session": 2},
        ),
        (
            ["--category", "war", "--count", "3", "--ascending", "level", "--until", "2030-01-01"],
            {"category": "war", "count": 3, "ascending": "level", "until": 1_893_456_000.0},
        ),
        (["--category", "war", "--count", "2"], {"category": "war", "count": 2}),
    ],
)
def test_a_goal_is_set_by_a_command(monkeypatch: pytest.MonkeyPatch, options: list[str], said: dict[str, Any]) -> None:
    runner, sent = make_runner(), list[Instruction]()
    small_catalogue(runner)
    send_event(runner, click("ann", "comedy-0"))

    def answer(settings: object, instruction: Instruction, *, timeout: float) -> tuple[Any, None]:
        sent.append(instruction)
        send_event(runner, instruction, INSTRUCTIONS)
        return newest_list(runner, "ann"), None

    monkeypatch.setattr(instruct, "answer_to", answer)
    monkeypatch.setattr(instruct, "wall_clock", lambda: START + 60.0)
    result = CliRunner().invoke(make_app(), ["user", "goal", "ann", "a goal", *options, "--json"])
    assert result.exit_code == 0, result.output
    [goal] = sent
    assert isinstance(goal, SetGoal)
    assert {name: getattr(goal, name) for name in said} == said
    if "ascending" not in said:
        assert json.loads(result.output)["slates"][0]["items"][0]["source"] == "goal"
