"""A tool: a function with typed arguments and a typed result, from which its JSON Schemas are derived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import cleandoc
from typing import Any, Literal, get_type_hints

import msgspec
from msgspec import Struct

from agents.actions.service import ToolContext

Permission = Literal["lists", "memories", "none"]
"""What a caller needs for a tool: a scope of the gateway, or none."""
ToolFunction = Callable[[Any, ToolContext], Awaitable[Struct]]
CALL_SECONDS = 5.0
ASKING_SECONDS = 300.0


class Tool(Struct, frozen=True, kw_only=True):
    """A row of the table of tools. `seconds` limits one call; `with_user` tools need the user to be there."""

    name: str
    description: str
    run: ToolFunction
    arguments: type[Struct]
    result: type[Struct]
    permission: Permission
    seconds: float = CALL_SECONDS
    with_user: bool = False


def tool(run: ToolFunction, permission: Permission, *, seconds: float = CALL_SECONDS, with_user: bool = False) -> Tool:
    """Return the row of a function: its name, its docstring and its types say the rest.

    >>> from agents.actions.tools.abstain import abstain
    >>> row = tool(abstain, "none")
    >>> row.name, row.arguments.__name__, row.result.__name__
    ('abstain', 'Abstain', 'Abstained')
    """
    types = get_type_hints(run)
    return Tool(
        name=run.__name__,
        description=cleandoc(run.__doc__ or ""),
        run=run,
        arguments=types["arguments"],
        result=types["return"],
        permission=permission,
        seconds=seconds,
        with_user=with_user,
    )


def object_schema(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a Struct with the object itself at the root.

    >>> from agents.actions.tools.abstain import Abstain
    >>> schema = object_schema(Abstain)
    >>> schema["type"], list(schema["properties"]), schema["required"], schema["additionalProperties"]
    ('object', ['reason'], ['reason'], False)
    """
    schema = msgspec.json.schema(kind)
    definitions = dict(schema["$defs"])
    root = dict(definitions.pop(kind.__name__))
    root.pop("description", None)
    return {**root, "$defs": definitions} if definitions else root
