"""Calls tools for one user: allowed ones only, with checked arguments, a time limit and a checked result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from agents.actions.registry import TOOLS
from agents.actions.service import ToolContext
from agents.actions.tool import Tool
from schemas.bounds import describe_patterns
from schemas.errors import ToolFault, ToolRefused

RESULT_BYTES = 100_000
"""A result that is larger is none that an agent can read."""


class ToolObserver(Protocol):
    """Receives what became of each call."""

    def called(self, name: str, outcome: ToolFault | None, seconds: float) -> None:
        """Observe a call; `outcome` is why it was refused or failed, none if it was answered."""
        ...


class Toolbox:
    """The tools that one agent may use for one user. It never raises but `ToolRefused`, whose message the agent reads.

    `clock` measures seconds for the observer.
    """

    def __init__(
        self, tools: Iterable[Tool], context: ToolContext, *, observer: ToolObserver, clock: Callable[[], float]
    ) -> None:
        self.tools = {tool.name: tool for tool in tools}
        self._context = context
        self._observer = observer
        self._clock = clock

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Struct:
        """Return what a tool answers.

        1. the tool is one of the allowed 2. its arguments are decoded by their type
        3. it answers in time 4. its result is checked against its type

        Raises:
            ToolRefused: one of these does not hold, or what the tool acts through refused.
        """
        began = self._clock()
        try:
            result = await self._called(name, arguments)
        except ToolRefused as exc:
            self._observer.called(name if name in self.tools else "", exc.fault, self._clock() - began)
            raise
        self._observer.called(name, None, self._clock() - began)
        return result

    async def _called(self, name: str, arguments: Mapping[str, Any]) -> Struct:
        row = self.tools.get(name)
        if row is None:
            raise ToolRefused("unknown-tool", f"there is no tool {name!r}; there are {', '.join(self.tools)}")
        decoded = _decoded(row, arguments)
        try:
            async with asyncio.timeout(row.seconds):
                result = await row.run(decoded, self._context)
        except TimeoutError as exc:
            raise ToolRefused(
                "timeout", f"{name} did not answer within {row.seconds:g} s; call it again later"
            ) from exc
        return _checked(row, result)


def _decoded(row: Tool, arguments: Mapping[str, Any]) -> Struct:
    try:
        return msgspec.convert(dict(arguments), row.arguments)
    except msgspec.ValidationError as exc:
        raise ToolRefused("bad-arguments", f"{row.name}: {describe_patterns(str(exc))}") from exc


def _checked(row: Tool, result: Struct) -> Struct:
    """Return the result as its type has it: types are not checked when values are made."""
    encoded = msgspec.json.encode(result)
    if len(encoded) > RESULT_BYTES:
        raise ToolRefused("bad-result", f"{row.name} answered {len(encoded)} bytes, at most {RESULT_BYTES}")
    try:
        return msgspec.json.decode(encoded, type=row.result)
    except msgspec.ValidationError as exc:
        raise ToolRefused("bad-result", f"{row.name} answered something else than it promises: {exc}") from exc


def tools_for(
    permissions: Collection[str], *, allowed: Collection[str] = (), with_user: bool = True
) -> tuple[Tool, ...]:
    """Return the tools that these permissions reach, of the `allowed` names unless these are empty.

    Without the user, those that need one are left out.

    >>> [tool.name for tool in tools_for({"memories"}, with_user=False)]
    ['recall_memories', 'history', 'abstain']
    """
    return tuple(
        tool
        for tool in TOOLS
        if tool.permission in ("none", *permissions)
        and (not allowed or tool.name in allowed)
        and (with_user or not tool.with_user)
    )
