"""The handler of conversations."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import post
from litestar.params import Body, PathParameter
from msgspec import Meta, Struct

from agents.dialogue.state import ActKind
from agents.dialogue.wording import word_limit
from deploy.gateway import ids
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import InjectedContext
from deploy.gateway.limits import MAX_CONVERSATION_LENGTH
from deploy.gateway.served.lists import ListQuery
from schemas.bounds import SLATE_LENGTH, TEXT_LENGTH
from schemas.ids import ItemId


class ChatRequest(Struct, frozen=True):
    """What a user says; `conversation_id` is that of the answer before, empty to begin."""

    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]
    conversation_id: Annotated[str, Meta(max_length=MAX_CONVERSATION_LENGTH)] = ""


class ChatItem(Struct, frozen=True):
    """The item that is recommended, that consent is asked for, or that the conversation ended in."""

    item_id: ItemId
    title: str


class ChatResponse(Struct, frozen=True, kw_only=True):
    """The answer in words, what it does (`act`), and what was understood so far (`constraints`), in words.

    `choices` are values that a question offers. Send `conversation_id` with what the user says next.
    """

    conversation_id: str
    text: str
    act: ActKind
    item: ChatItem | None = None
    choices: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()


@post(
    "/v1/users/{user_id:str}/chat",
    status_code=200,
    opt=permitted_to("lists"),
    tags=["out"],
    summary="Converse",
)
async def post_chat(
    user_id: Annotated[str, PathParameter(min_length=1)],
    data: Annotated[ChatRequest, Body()],
    context: InjectedContext,
) -> ChatResponse:
    """Answer what a user says: a question, one item, or that nothing fits. No language model takes part.

    Items of the user's list come first, and nothing is recommended that their statements forbid. Nothing is stored: the
    conversation is in `conversation_id`, so any gateway goes on with it.
    """
    user = ids.user_id(user_id)
    listed = await context.lists.serve(ListQuery(user=user, n=SLATE_LENGTH))
    now = context.lists.stream_now()
    turn, conversation = await asyncio.to_thread(context.chats.answer, data.conversation_id, data.text, listed, now)
    item = turn.act.item
    return ChatResponse(
        conversation_id=conversation,
        text=turn.text,
        act=turn.act.kind,
        item=None if item is None else ChatItem(ItemId(item.item_id), item.title),
        choices=turn.act.choices,
        constraints=tuple(word_limit(limit, turn.state.language) for limit in turn.limits),
    )
