"""The port of language models, and what travels through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from agents.actions.tool import Tool

Role = Literal["system", "user", "assistant", "tool"]


class ToolRequest(Struct, frozen=True):
    """A call of a tool that the model asks for; `arguments` is what it wrote, JSON or not."""

    call_id: str
    name: str
    arguments: str


class ChatMessage(Struct, frozen=True, kw_only=True):
    """One message. An assistant's may ask for `calls`; a tool's answers the call `call_id`."""

    role: Role
    content: str
    calls: tuple[ToolRequest, ...] = ()
    call_id: str = ""


class Completion(Struct, frozen=True, kw_only=True):
    """What a model answered: a text or calls of tools, and the tokens that it counted, none where it counts none."""

    text: str = ""
    calls: tuple[ToolRequest, ...] = ()
    tokens_in: int | None = None
    tokens_out: int | None = None


class LanguageModel(Protocol):
    """Completes a chat. May take as long as its own time limit, and can be called from several tasks at once."""

    @property
    def name(self) -> str:
        """Return the name of the model."""
        ...

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        tools: Sequence[Tool] = (),
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        """Return the next message: calls of these tools or a text, or JSON that fits the schema.

        Raises:
            LanguageModelFailed: it is away, too slow, refuses, or answers something else than the protocol says.
        """
        ...
