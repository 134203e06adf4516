"""Handlers that return lists, similar items and a user's memories."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from litestar import Request, Response, get
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Struct

from agents.memory.ports import FoundMemory
from deploy.gateway import ids
from deploy.gateway.access.control import caller_of, check_user
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import GatewayContext, InjectedContext
from deploy.gateway.limits import MAX_WAIT_MS
from deploy.gateway.problems import Problem
from deploy.gateway.served.lists import ListQuery, ServedResponse
from deploy.gateway.served.tokens import user_part
from features.item_rules import ItemRules
from schemas.bounds import NAME_LENGTH, NO_CONTROL, SLATE_LENGTH, TEXT_LENGTH
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.ids import ItemId, UserId
from schemas.items import Item
from schemas.plans import Constraints
from schemas.topics import ITEMS

STALE = "X-Lifelong-Stale"
SPARE = 10
"""How many more items to search than to return: the index may still hold withdrawn ones."""
WIDER = 5
"""How many times as many to search for users who have stated something: many may not be wanted."""
Count = Annotated[int, QueryParameter(ge=1, le=SLATE_LENGTH)]
Milliseconds = Annotated[int, QueryParameter(ge=0, le=MAX_WAIT_MS)]
Name = Annotated[str, PathParameter(min_length=1)]


class SimilarItem(Struct, frozen=True, rename={"similarity": "likeness"}):
    """An item, its cosine similarity in [-1, 1] to the requested one, and its title."""

    item_id: ItemId
    similarity: float
    title: str


class SimilarItems(Struct, frozen=True):
    """The items most similar to one, the most similar first."""

    item_id: ItemId
    items: tuple[SimilarItem, ...]


class Memories(Struct, frozen=True):
    """A user's memories, the most similar to the query first."""

    user_id: UserId
    memories: tuple[FoundMemory, ...]


@get("/v1/recommendations/{user_id:str}", opt=permitted_to("lists"), tags=["out"], summary="A user's list")
async def get_recommendations(
    context: InjectedContext,
    user_id: Name,
    n: Count = 10,
    surface: Annotated[str, QueryParameter(max_length=NAME_LENGTH, pattern=NO_CONTROL)] = "home",
    locale: Annotated[
        str, QueryParameter(max_length=NAME_LENGTH, pattern=NO_CONTROL, description="whose items, such as `de-AT`")
    ] = "",
    after: Annotated[str, QueryParameter(description="the token of a POST: wait for a list that reflects it")] = "",
    timeout_ms: Milliseconds = 1_000,
    fresh: Annotated[bool, QueryParameter(description="have it ranked now")] = False,
    if_none_match: Annotated[str, HeaderParameter(name="If-None-Match")] = "",
) -> Response[ServedResponse | None]:
    """Return a user's list; for unknown users, the non-personalised one (`default`).

    `after` and `fresh` wait up to `timeout_ms`; a list served after that is marked `stale`, in the body and by the
    header `X-Lifelong-Stale: 1`. The entity tag is the list's version.
    """
    user = ids.user_id(user_id)
    query = ListQuery(
        user=user,
        surface=surface,
        locale=locale,
        n=n,
        token=user_part(after, user, context.person_partitions),
        fresh=fresh,
        seconds=timeout_ms / 1_000,
    )
    served = await context.lists.serve(query)
    tag = f'"{"default-" if served.default else ""}{served.version}"'
    headers = {"ETag": f"W/{tag}", "Cache-Control": "private, no-cache"} | ({STALE: "1"} if served.stale else {})
    if not {tag, "*"}.isdisjoint(cached.strip().removeprefix("W/") for cached in if_none_match.split(",")):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(served, headers=headers)


@get("/v1/items/{item_id:str}/similar", opt=permitted_to("lists"), tags=["out"], summary="Similar items")
async def get_similar(
    request: Request[Any, Any, Any],
    context: InjectedContext,
    item_id: Name,
    n: Count = 10,
    by: Annotated[Literal["content", "choices"], QueryParameter(description="what similarity is based on")] = "content",
    user: Annotated[str, QueryParameter(description="leave out what this user does not want")] = "",
) -> SimilarItems:
    """Return the catalogue items most similar to this one.

    By `content`: title, text, categories and tags. By `choices`: learned from the users who chose them. With a `user`,
    only items that their statements allow: fewer, if those are rare among the most similar ones.
    """
    constraints = _constraints_of(user, request, context)
    rules = ItemRules(constraints)
    target = ids.item_id(item_id)
    item = item_in(context, target)
    if item is None:
        text = f"item {target!r} is not in the catalogue: POST /v1/items puts it there"
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-item", text)
    service, count = context.similar_items, (n + SPARE) * (1 if constraints == Constraints() else WIDER)
    matches = await (
        service.similar(item, count) if by == "content" else service.similar_by_choices(item.item_id, count)
    )
    now = context.lists.stream_now()
    shown = [
        (match, item_in(context, match.item_id)) for match in matches if context.cache.may_be_shown(match.item_id, now)
    ]
    similar = [
        SimilarItem(match.item_id, round(match.similarity, 6), entry.title)
        for match, entry in shown
        if entry is not None and rules.allows(entry)
    ]
    return SimilarItems(target, tuple(similar[:n]))


def _constraints_of(user: str, request: Request[Any, Any, Any], context: GatewayContext) -> Constraints:
    if not user:
        return Constraints()
    named = ids.user_id(user)
    check_user(caller_of(request.scope), named)
    return context.lists.constraints_of(named)


@get("/v1/users/{user_id:str}/memories", opt=permitted_to("memories"), tags=["out"], summary="A user's memories")
async def get_memories(
    context: InjectedContext,
    user_id: Name,
    q: Annotated[str, QueryParameter(max_length=TEXT_LENGTH, description="text to compare memories with")] = "",
    n: Count = 10,
) -> Memories:
    """Return the user's memories most similar to `q`; about a second behind the newest event."""
    user = ids.user_id(user_id)
    return Memories(user, await context.similar_items.remembered(user, q, n))


def item_in(context: GatewayContext, item_id: str) -> Item | None:
    """Return the catalogue's entry; none if there is none or it cannot be decoded."""
    value = context.cache.item(ItemId(item_id))
    try:
        item: Item | None = decode(ITEMS, value, now=context.clock()) if value else None
    except DecodeError:
        return None
    return item
