"""Handlers that return lists, similar items and a user's memories."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from litestar import Request, Response, get
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from agents.agent_state import agent_at
from agents.memory.recall import RecalledMemory
from deploy.gateway import ids
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import GatewayContext, InjectedContext
from deploy.gateway.handlers.search import SPARE, Boosts, Filter, With, entries_of, query_for, unknown_item
from deploy.gateway.limits import MAX_WAIT_MS
from deploy.gateway.problems import Problem
from deploy.gateway.search.narrowing import ShownResponse, narrowed, not_again, shown
from deploy.gateway.search.views import Detail, read_details
from deploy.gateway.served.lists import ListQuery, ServedResponse
from deploy.gateway.served.tokens import user_part
from features.recurring_times import in_force
from inference.search.query import FoundItem, ItemQuery
from schemas.bounds import NAME_LENGTH, NO_CONTROL, SLATE_LENGTH, TEXT_LENGTH
from schemas.errors import StoreUnavailable
from schemas.ids import ItemId, MemoryId, UserId
from schemas.items import Item
from schemas.memories import Predicate
from schemas.plans import Constraints

STALE = "X-Lifelong-Stale"
WIDEST = 1_000
"""How many items to search where many may not be wanted: within a filter, or for users who have stated something."""
HISTORY_UNKNOWN = "what the user has had is not known now, and may be among the items of the catalogue"
Count = Annotated[int, QueryParameter(ge=1, le=SLATE_LENGTH)]
Milliseconds = Annotated[int, QueryParameter(ge=0, le=MAX_WAIT_MS)]
Name = Annotated[str, PathParameter(min_length=1)]


class SimilarItem(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"similarity": "likeness"}):
    """An item, its cosine similarity in [-1, 1] to the requested one times its boosts, its title, and the other fields
    of the catalogue that `with` names.
    """

    item_id: ItemId
    similarity: float
    title: str
    images: tuple[str, ...] | UnsetType = UNSET
    categories: tuple[str, ...] | UnsetType = UNSET
    price: float | UnsetType | None = UNSET


class SimilarItems(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The items most similar to one, the most similar first; `shortened` if there are fewer than were asked for."""

    item_id: ItemId
    items: tuple[SimilarItem, ...]
    shortened: bool = False


class MemoryEntry(Struct, frozen=True, rename={"similarity": "likeness"}):
    """A memory, its cosine similarity in [-1, 1] to the text, and the confidence in it, in [0, 1)."""

    memory_id: MemoryId
    predicate: Predicate
    value: str
    similarity: float
    confidence: float


class Memories(Struct, frozen=True):
    """A user's memories, those that the text is most about first."""

    user_id: UserId
    memories: tuple[MemoryEntry, ...]


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
    matching: Filter = "",
    boost: Boosts = "",
    details: With = "",
    if_none_match: Annotated[str, HeaderParameter(name="If-None-Match")] = "",
) -> Response[ServedResponse | ShownResponse | None]:
    """Return a user's list; for unknown users, the non-personalised one (`default`).

    `after` and `fresh` wait up to `timeout_ms`; a list served after that is marked `stale`, in the body and by the
    header `X-Lifelong-Stale: 1`. The entity tag is the list's version. A `filter` leaves what matches, filled from the
    catalogue up to `n`; `boost` orders anew; `with` shows fields of the items. Such lists have no entity tag.
    """
    user, fields = ids.user_id(user_id), read_details(details)
    narrow = ItemQuery(matching=matching, boosts=boost, n=n, locale=locale)
    query = ListQuery(
        user=user,
        surface=surface,
        locale=locale,
        n=SLATE_LENGTH if _narrows(narrow) else n,
        token=user_part(after, user, context.person_partitions),
        fresh=fresh,
        seconds=timeout_ms / 1_000,
    )
    served = await context.lists.serve(query)
    if _narrows(narrow):
        served = await _narrowed(context, user, served, narrow)
    if _narrows(narrow) or fields:
        headers = {"Cache-Control": "private, no-store"} | _staleness(served)
        return Response(_with(context, served, fields), headers=headers)
    return _tagged(served, if_none_match)


def _narrows(query: ItemQuery) -> bool:
    return bool(query.matching.strip() or query.boosts.strip())


def _staleness(served: ServedResponse) -> dict[str, str]:
    return {STALE: "1"} if served.stale else {}


def _tagged(served: ServedResponse, if_none_match: str) -> Response[ServedResponse | ShownResponse | None]:
    """Return the list with its entity tag, or 304 if the client has it."""
    tag = f'"{"default-" if served.default else ""}{served.version}"'
    headers = {"ETag": f"W/{tag}", "Cache-Control": "private, no-cache"} | _staleness(served)
    if not {tag, "*"}.isdisjoint(cached.strip().removeprefix("W/") for cached in if_none_match.split(",")):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(served, headers=headers)


@get("/v1/items/{item_id:str}/similar", opt=permitted_to("lists"), tags=["out"], summary="Similar items")
async def get_similar(
    request: Request[Any, Any, Any],
    context: InjectedContext,
    item_id: Name,
    n: Count = 10,
    by: Annotated[
        Literal["content", "choices", "picture"], QueryParameter(description="what similarity is based on")
    ] = "content",
    user: Annotated[str, QueryParameter(description="leave out what this user does not want")] = "",
    matching: Filter = "",
    boost: Boosts = "",
    details: With = "",
) -> SimilarItems:
    """Return the catalogue items most similar to this one.

    By `content`: title, text, categories and tags. By `choices`: learned from the users who chose them. By `picture`:
    what is seen in their pictures, where perception is on. With a `user`, only items that their statements allow. With
    a `filter` or statements, there may be fewer: of the `WIDEST` most similar ones, those that fit (`shortened`).
    """
    target, fields = ids.item_id(item_id), read_details(details)
    item = context.catalogue.item(target)
    if item is None:
        raise unknown_item(target)
    asked = ItemQuery(matching=matching, boosts=boost, n=n + SPARE)
    query = replace(query_for(request, context, user, asked), tastes=(), locale="")
    found = await _most_similar(context, item, by, query)
    entries = [
        SimilarItem(
            item_id=entry.item_id,
            similarity=entry.score,
            title=entry.title,
            images=entry.images,
            categories=entry.categories,
            price=entry.price,
        )
        for entry in entries_of(found, query, context, fields | {"title"})
        if not isinstance(entry.title, UnsetType)
    ]
    return SimilarItems(item_id=target, items=tuple(entries[:n]), shortened=len(entries) < n)


async def _most_similar(context: GatewayContext, item: Item, by: str, query: ItemQuery) -> tuple[FoundItem, ...]:
    """Return the items most similar to one that match the query's filter, its boosts applied."""
    if by == "picture":
        found = await context.search.like_picture(item.item_id, query)
        if found is None:
            text = f"no picture of {item.item_id!r} was perceived: it has none, or perception is off or not done yet"
            raise Problem(HTTPStatus.NOT_FOUND, "no-picture", text)
        return found.items
    count = WIDEST if _narrows(query) or query.constraints != Constraints() else query.n
    service = context.similar_items
    matches = await (
        service.similar(item, count) if by == "content" else service.similar_by_choices(item.item_id, count)
    )
    if not _narrows(query):
        return tuple(FoundItem(match.item_id, round(match.similarity, 6)) for match in matches)
    listed = [match.item_id for match in matches]
    factors = await context.search.within(lambda index: index.factors(listed, query))
    rated = [
        FoundItem(match.item_id, round(match.similarity * factor, 6))
        for match, factor in zip(matches, factors, strict=True)
        if factor > 0.0
    ]
    return tuple(sorted(rated, key=lambda each: -each.score))


async def _narrowed(context: GatewayContext, user: UserId, served: ServedResponse, query: ItemQuery) -> ShownResponse:
    left_out: frozenset[ItemId] = frozenset()
    if not served.default:
        try:
            left_out = not_again((await context.user_records.read(user)).user)
        except StoreUnavailable:
            served = replace(served, notice="; ".join(filter(None, (served.notice, HISTORY_UNKNOWN))))
    query = replace(
        query,
        constraints=in_force(served.constraints, context.lists.stream_now()),
        left_out=left_out,
        at=context.lists.stream_now(),
        locale=query.locale or served.locale,
    )
    own = served
    return await context.search.within(lambda index: narrowed(index, own, query))


def _with(context: GatewayContext, served: ServedResponse, details: frozenset[Detail]) -> ShownResponse:
    """Return the list with these fields of its items."""
    listed, detailed = shown(served), context.catalogue.detailed
    slates = tuple(
        replace(slate, items=tuple(detailed(entry, entry.item_id, details) for entry in slate.items))
        for slate in listed.slates
    )
    return replace(listed, slates=slates)


@get("/v1/users/{user_id:str}/memories", opt=permitted_to("memories"), tags=["out"], summary="A user's memories")
async def get_memories(
    context: InjectedContext,
    user_id: Name,
    q: Annotated[str, QueryParameter(max_length=TEXT_LENGTH, description="text to compare memories with")] = "",
    n: Count = 10,
) -> Memories:
    """Return the user's active memories that `q` is most about, the surer first of equals; without `q` the surest."""
    user = ids.user_id(user_id)
    record, now = await context.user_records.read(user), context.lists.stream_now()
    memories = agent_at(record.agent, user, now).memories
    return Memories(user, tuple(map(_entry, await context.memory_recall.recalled(user, memories, q, n, now))))


def _entry(one: RecalledMemory) -> MemoryEntry:
    memory = one.memory
    return MemoryEntry(memory.memory_id, memory.predicate, memory.value, one.similarity, one.confidence)
