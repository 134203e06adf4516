"""What an instruction in words was understood as: part of the list that answers it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import Name
from schemas.ids import EventKey
from schemas.instructions import Instruction
from schemas.record import Record

REPLY_PARTS = 64
"""Questions and choices that a reply has at most."""


class Reply(Record, frozen=True, kw_only=True):
    """The reply to the instruction `event_id`: the statements that it was understood as, which hold already.

    `pending`: they hold once the user approves them, because the agent's autonomy is 1. `text` says so in words of
    the language that the user wrote in (`en`, `de`). `questions` are about what was not clear, which changed
    nothing; `choices` are the names of which one may have been meant.
    """

    event_id: EventKey
    language: Name
    text: str
    understood: tuple[Instruction, ...] = ()
    pending: bool = False
    questions: Annotated[tuple[str, ...], Meta(max_length=REPLY_PARTS)] = ()
    choices: Annotated[tuple[str, ...], Meta(max_length=REPLY_PARTS)] = ()
