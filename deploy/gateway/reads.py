"""What goes out: lists, items like an item, what is remembered of a person."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Struct

from agents.memory.ports import FoundMemory
from deploy.gateway import ids
from deploy.gateway.context import GatewayContext, Given
from deploy.gateway.lists import ListQuery, ServedResponse
from deploy.gateway.problems import Problem
from deploy.gateway.tokens import own_part
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import ItemId, UserId
from schemas.items import Item
from schemas.topics import ITEMS

STALE = "X-Lifelong-Stale"
SPARE = 10
"""How many more items are asked for than wanted: an index may still hold some that were withdrawn."""
Count = Annotated[int, QueryParameter(ge=1, le=100)]
Milliseconds = Annotated[int, QueryParameter(ge=0, le=10_000)]
Name = Annotated[str, PathParameter(min_length=1)]


class Alike(Struct, frozen=True, rename={"similarity": "likeness"}):
    """An item, its cosine likeness in [-1, 1] to the one asked about, and its title."""

    item_id: ItemId
    similarity: float
    title: str


class AlikeItems(Struct, frozen=True):
    """The items most like one, the likest first."""

    item_id: ItemId
    items: tuple[Alike, ...]


class Memories(Struct, frozen=True):
    """What is remembered of a person, the likest to what was asked first."""

    user_id: UserId
    memories: tuple[FoundMemory, ...]


@get("/v1/recommendations/{user_id:str}", tags=["out"], summary="A person's list")
async def get_recommendations(
    context: Given,
    user_id: Name,
    n: Count = 10,
    surface: Annotated[str, QueryParameter(max_length=128)] = "home",
    locale: Annotated[str, QueryParameter(max_length=128, description="whose items and default list: `de-AT`")] = "",
    after: Annotated[str, QueryParameter(description="the token of a POST: wait for a list that reflects it")] = "",
    timeout_ms: Milliseconds = 1_000,
    fresh: Annotated[bool, QueryParameter(description="have it ranked now")] = False,
    if_none_match: Annotated[str, HeaderParameter(name="If-None-Match")] = "",
) -> Response[ServedResponse | None]:
    """A person's list; for people never seen, everybody's (`default`).

    `after` and `fresh` wait up to `timeout_ms`; what is served when that passes is marked `stale`, in the body and by
    the header `X-Lifelong-Stale: 1`. The entity tag is the list's version.
    """
    user = ids.user_id(user_id)
    wanted = ListQuery(
        user=user,
        surface=surface,
        locale=locale,
        n=n,
        token=own_part(after, user, context.person_partitions),
        fresh=fresh,
        seconds=timeout_ms / 1_000,
    )
    served = await context.lists.serve(wanted)
    tag = f'"{"default-" if served.default else ""}{served.version}"'
    headers = {"ETag": f"W/{tag}", "Cache-Control": "private, no-cache"} | ({STALE: "1"} if served.stale else {})
    if not {tag, "*"}.isdisjoint(known.strip().removeprefix("W/") for known in if_none_match.split(",")):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(served, headers=headers)


@get("/v1/items/{item_id:str}/similar", tags=["out"], summary="Items like an item")
async def get_similar(
    context: Given,
    item_id: Name,
    n: Count = 10,
    by: Annotated[Literal["content", "choices"], QueryParameter(description="what makes items alike")] = "content",
) -> AlikeItems:
    """The items of the catalogue most like this one.

    By `content`: title, text, categories and tags. By `choices`: they draw the same people, as far as was learned.
    """
    name = ids.item_id(item_id)
    item = _item(context, name)
    if item is None:
        text = f"item {name!r} is not in the catalogue: POST /v1/items puts it there"
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-item", text)
    service, wanted = context.similar_items, n + SPARE
    found = await (service.similar(item, wanted) if by == "content" else service.chosen_alike(item.item_id, wanted))
    now = context.lists.stream_now()
    known = [(one, _item(context, one.item_id)) for one in found if context.cache.may_be_shown(one.item_id, now)]
    alike = [Alike(one.item_id, round(one.similarity, 6), entry.title) for one, entry in known if entry is not None]
    return AlikeItems(name, tuple(alike[:n]))


@get("/v1/users/{user_id:str}/memories", tags=["out"], summary="What is remembered of a person")
async def get_memories(
    context: Given,
    user_id: Name,
    q: Annotated[str, QueryParameter(max_length=1_000, description="what to compare with, in words")] = "",
    n: Count = 10,
) -> Memories:
    """The person's memories most like `q`; about a second behind the newest event."""
    user = ids.user_id(user_id)
    return Memories(user, await context.similar_items.remembered(user, q, n))


def _item(context: GatewayContext, item_id: str) -> Item | None:
    """The catalogue's entry, none if it is not one."""
    value = context.cache.item(ItemId(item_id))
    try:
        item: Item | None = decode(ITEMS, value, now=context.clock()) if value else None
    except DecodeError:
        return None
    return item
