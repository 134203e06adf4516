"""Handlers that find items: by words, by picture, by how often they are chosen; and show one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

from litestar import Request, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import InternalServerException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import PathParameter, QueryParameter, SkipValidation
from msgspec import Struct
from msgspec.structs import replace

from deploy.gateway import ids
from deploy.gateway.access.control import caller_of, check_user
from deploy.gateway.access.record import record_of
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import GatewayContext, InjectedContext
from deploy.gateway.problems import Problem
from deploy.gateway.search.views import Detail, FoundEntry, read_details
from features.item_facts import known_of
from features.item_rules import ItemRules
from features.recurring_times import in_force
from inference.search.filters import MAX_FILTER_LENGTH
from inference.search.query import By, FoundItem, FoundItems, ItemQuery, Window
from schemas.bounds import NAME_LENGTH, NO_CONTROL, SLATE_LENGTH, TEXT_LENGTH
from schemas.ids import ItemId
from schemas.items import Item

SPARE = 10
"""How many more items to find than to return: the catalogue may be newer than the index."""
FILTER_TEXT = "only items that match, such as `categories:Comedy and price < 20`"
BOOST_TEXT = "factors of the score, such as `categories:Comedy^2, year < 2000 ^0.5`"
WITH_TEXT = "fields to show, of title, images, categories, price; separated by commas"

AnyRequest = Request[Any, Any, Any]
FoundBy = Literal["words", "meaning", "picture"]
ItemCount = Annotated[int, QueryParameter(ge=1, le=SLATE_LENGTH)]
Words = Annotated[str, QueryParameter(min_length=1, max_length=TEXT_LENGTH, description="what to search for")]
User = Annotated[str, QueryParameter(description="within what this user's statements allow, closest to their list")]
Filter = Annotated[str, QueryParameter(name="filter", max_length=MAX_FILTER_LENGTH, description=FILTER_TEXT)]
Boosts = Annotated[str, QueryParameter(max_length=MAX_FILTER_LENGTH, description=BOOST_TEXT)]
With = Annotated[str, QueryParameter(name="with", max_length=NAME_LENGTH, description=WITH_TEXT)]
LocaleText = Annotated[
    str, QueryParameter(max_length=NAME_LENGTH, pattern=NO_CONTROL, description="whose items, such as `de-AT`")
]
CategoryText = Annotated[str, QueryParameter(max_length=NAME_LENGTH, description="only of this category")]
WindowText = Annotated[Window, QueryParameter(description="within which choices count, decayed")]


class SearchResponse(Struct, frozen=True, kw_only=True):
    """The best items, best first, by what they were found, and how many there are in all.

    `shortened`: there are fewer than were asked for.
    """

    items: tuple[FoundEntry, ...]
    total: int
    by: tuple[FoundBy, ...]
    shortened: bool


class CountedResponse(Struct, frozen=True, kw_only=True):
    """The items with the highest score, best first. Popular: the decayed count of choices. Trending: by how many
    standard deviations it exceeds what the time before lets one expect.
    """

    items: tuple[FoundEntry, ...]
    window: Window
    shortened: bool


class ItemResponse(Struct, frozen=True, kw_only=True):
    """An item's catalogue entry, whether it may be shown now, and what is known of it in numbers (facts)."""

    item: Item
    available: bool
    facts: dict[str, float]


@dataclass
class PictureOperation(Operation):
    """An operation whose body is a picture: its bytes, or its `data:` URI as text."""

    def __post_init__(self) -> None:
        """Describe the body."""
        picture = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format="binary"))  # type: ignore[arg-type]
        uri = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        self.request_body = RequestBody(content={"image/*": picture, "text/plain": uri}, required=True)


class AskedItems(Struct, frozen=True):
    """What every search is asked with: the query so far, which finds `SPARE` items more than the `n` to show, and the
    fields to show of them.
    """

    query: ItemQuery
    n: int
    details: frozenset[Detail]


def asked_items(
    request: AnyRequest,
    context: InjectedContext,
    n: ItemCount = 10,
    user: User = "",
    matching: Filter = "",
    boost: Boosts = "",
    details: With = "",
    locale: LocaleText = "",
) -> AskedItems:
    """Return the parameters that all searches have.

    Raises:
        Problem: see `query_for` and `read_details`.
    """
    query = ItemQuery(matching=matching, boosts=boost, locale=locale, n=n + SPARE)
    return AskedItems(query_for(request, context, user, query), n, read_details(details))


ASKED = {"asked": Provide(asked_items, sync_to_thread=False)}
Asked = Annotated[NamedDependency[SkipValidation[AskedItems]], "the parameters that all searches have"]


@get("/v1/search", opt=permitted_to("lists"), dependencies=ASKED, tags=["out"], summary="Search by words")
async def get_search(context: InjectedContext, asked: Asked, q: Words) -> SearchResponse:
    """Return the items that answer the words best: by the words themselves, wrong letters allowed, and by meaning where
    perception is on.

    With a `user`, only items that their statements allow, those closer to their list first.
    """
    found = await context.search.search(replace(asked.query, words=q))
    by: tuple[FoundBy, ...] = ("words", "meaning") if context.search.encoders.enabled else ("words",)
    return _searched(found, asked, context, by)


@post(
    "/v1/search/image",
    status_code=200,
    opt=permitted_to("lists"),
    dependencies=ASKED,
    operation_class=PictureOperation,
    tags=["out"],
    summary="Search by picture",
)
async def post_search_image(request: AnyRequest, context: InjectedContext, asked: Asked) -> SearchResponse:
    """Return the items that look most like a picture: a JPEG, PNG, WebP or GIF, or its `data:` URI.

    The picture is not kept. 501 where perception is off.
    """
    try:
        picture = await request.body()
    except InternalServerException as exc:
        raise Problem(HTTPStatus.BAD_REQUEST, "disconnected", "the connection ended before the body") from exc
    return _searched(await context.search.search_picture(picture, asked.query), asked, context, ("picture",))


@get("/v1/popular", opt=permitted_to("lists"), dependencies=ASKED, tags=["out"], summary="Popular items")
async def get_popular(
    context: InjectedContext, asked: Asked, window: WindowText = "day", category: CategoryText = ""
) -> CountedResponse:
    """Return the items that were chosen most within a window, of all categories or of one."""
    return await _counted("popular", window, category, asked, context)


@get("/v1/trending", opt=permitted_to("lists"), dependencies=ASKED, tags=["out"], summary="Trending items")
async def get_trending(
    context: InjectedContext, asked: Asked, window: WindowText = "day", category: CategoryText = ""
) -> CountedResponse:
    """Return the items that are chosen more often within a window than the time before it lets one expect."""
    return await _counted("trending", window, category, asked, context)


@get("/v1/items/{item_id:str}", opt=permitted_to("lists", "catalogue"), tags=["out"], summary="An item")
async def get_item(context: InjectedContext, item_id: Annotated[str, PathParameter(min_length=1)]) -> ItemResponse:
    """Return an item's catalogue entry, also of one that may not be shown now; pictures in files are left out."""
    item = context.catalogue.item(ids.item_id(item_id))
    if item is None:
        raise unknown_item(item_id)
    available = context.cache.may_be_shown(item.item_id, context.lists.stream_now())
    return ItemResponse(item=item, available=available, facts=known_of(item).facts)


SEARCH_HANDLERS = (get_search, post_search_image, get_popular, get_trending, get_item)


def _searched(found: FoundItems, asked: AskedItems, context: GatewayContext, by: tuple[FoundBy, ...]) -> SearchResponse:
    entries = _shown(found, asked, context)
    return SearchResponse(items=entries, total=found.total, by=by, shortened=len(entries) < asked.n)


async def _counted(
    by: By, window: Window, category: str, asked: AskedItems, context: GatewayContext
) -> CountedResponse:
    query = replace(asked.query, by=by, window=window, category=category)
    entries = _shown(await context.search.search(query), asked, context)
    return CountedResponse(items=entries, window=window, shortened=len(entries) < asked.n)


def _shown(found: FoundItems, asked: AskedItems, context: GatewayContext) -> tuple[FoundEntry, ...]:
    return entries_of(found.items, asked.query, context, asked.details)[: asked.n]


def query_for(request: AnyRequest, context: GatewayContext, user: str, query: ItemQuery) -> ItemQuery:
    """Return the query as of now, within what a user's statements allow and closer to their list: of the user of a
    token, unless another `user` is named; of nobody for a key without one.

    Raises:
        Problem: 403, the user is not the caller's; 422, it is no valid id.
    """
    more: dict[str, Any] = {"at": context.lists.stream_now()}
    caller = caller_of(request.scope)
    if user or caller.user:
        named = ids.user_id(user or caller.user)
        check_user(caller, named)
        record_of(request.scope).concerns = (named,)
        listed = context.lists.newest(named)
        if listed is not None:
            more |= {
                "constraints": in_force(listed.constraints, more["at"]),
                "tastes": tuple(entry.item_id for entry in listed.home.items),
                "locale": query.locale or listed.locale,
            }
    return replace(query, **more)


def entries_of(
    found: Sequence[FoundItem], query: ItemQuery, context: GatewayContext, details: frozenset[Detail]
) -> tuple[FoundEntry, ...]:
    """Return found items as they are shown, by the catalogue of now: without those that were just withdrawn."""
    rules = ItemRules(query.constraints)
    entries = []
    for each in found:
        item = context.catalogue.item(each.item_id)
        is_allowed = rules.allows(item) if item is not None else rules.fault(each.item_id, ()) is None
        if is_allowed and context.cache.may_be_shown(each.item_id, query.at):
            entry = FoundEntry(item_id=each.item_id, score=each.score)
            entries.append(context.catalogue.detailed(entry, each.item_id, details))
    return tuple(entries)


def unknown_item(item: str) -> Problem:
    """Return the problem that an item is not in the catalogue."""
    text = f"item {ItemId(item)!r} is not in the catalogue: POST /v1/items puts it there"
    return Problem(HTTPStatus.NOT_FOUND, "unknown-item", text)
