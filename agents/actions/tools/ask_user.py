"""The tool that puts a question to the user."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from agents.actions.service import Title, ToolContext, UserAnswer

Question = Annotated[str, Meta(min_length=1, max_length=300, description="one plain question")]
Choices = Annotated[tuple[Title, ...], Meta(max_length=12, description="answers to choose from; none: free text")]


class AskUser(Struct, frozen=True, forbid_unknown_fields=True):
    """A question, and the answers to choose from."""

    question: Question
    choices: Choices = ()


async def ask_user(arguments: AskUser, context: ToolContext) -> UserAnswer:
    """Ask the user one question. If they are `unreachable`, put it to them yourself."""
    return await context.dialogue.ask(arguments.question, arguments.choices)
