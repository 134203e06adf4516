"""The table of commands: each file with the names that it adds. A command loads its own file alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

COMMANDS: dict[str, tuple[str, ...]] = {
    "operations.stack": ("up", "down", "restart", "status", "doctor"),
    "operations.logs": ("logs",),
    "config": ("config",),
    "topics": ("topics", "schemas"),
    "keys": ("keys",),
    "files": ("check",),
    "events": ("send", "import"),
    "look": ("tail", "why"),
    "find": ("search", "popular", "trending", "items"),
    "user.app": ("user",),
    "agents.chat": ("chat",),
    "agents.mcp": ("mcp",),
    "agents.llm_server": ("llm-server",),
    "models": ("models",),
    "dead_letters": ("dead-letters",),
    "quarantine": ("quarantine",),
    "signals.app": ("signals",),
    "operations.rebuild": ("rebuild",),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.experiment": ("experiment",),
    "evaluation.simulate": ("simulate",),
    "demo": ("demo",),
    "evaluation.backtest": ("backtest", "replay"),
    "bench": ("bench",),
    "operations.capacity": ("capacity",),
    "operations.flink": ("flink",),
    "operations.monitoring": ("monitor",),
    "operations.processes": ("worker", "statistics", "trainer", "projector", "perceiver", "planner", "gateway"),
}
"""By module of `deploy.cli`, in the order in which the help lists them."""


def command_files(words: Sequence[str]) -> list[ModuleType]:
    """Return the file of the command that the words begin with; every file if they name none.

    >>> [file.__name__ for file in command_files(["logs", "--help"])], len(command_files(["--help"])) == len(COMMANDS)
    (['deploy.cli.operations.logs'], True)
    """
    named = [file for file, names in COMMANDS.items() if words[:1] and words[0] in names]
    return [import_module(f"deploy.cli.{file}") for file in named or COMMANDS]
