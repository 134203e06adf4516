"""Handlers of a user's own page: what is believed of them, and what they say to it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from litestar import delete, get, post, put
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct, structs

from deploy.gateway import ids
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import GatewayContext, InjectedContext
from deploy.gateway.handlers.posts import AcceptedResponse
from deploy.gateway.limits import MAX_WAIT_MS
from deploy.gateway.problems import Problem
from deploy.gateway.served.lists import ListQuery
from deploy.gateway.served.tokens import token_of, user_part
from features.recurring_times import zone_of
from schemas.bounds import ID_LENGTH, NAME_LENGTH, NO_CONTROL, TEXT_LENGTH, Label
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.ids import Category, EventId, ItemId, ItemKey, MemoryId, Time, UserId
from schemas.instructions import (
    MOST_STEPS,
    Approve,
    FactName,
    Forget,
    Instruction,
    LiftGoal,
    OfferRules,
    Reject,
    Remember,
    Say,
    SetAutonomy,
    SetGoal,
    Undo,
)
from schemas.items import Item
from schemas.offers import Occasion
from schemas.replies import Reply
from schemas.topics import INSTRUCTIONS, ITEMS, OCCASIONS, RECOMMENDATIONS
from streams.state.user_page import UserPage, page_of

Id = Annotated[str, PathParameter(min_length=1)]
Tongue = Annotated[Literal["en", "de"], QueryParameter(description="the language of the page")]
Zone = Annotated[str, QueryParameter(max_length=NAME_LENGTH, pattern=NO_CONTROL)]
Milliseconds = Annotated[int, Meta(ge=0, le=MAX_WAIT_MS)]


class SaidWords(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user says, where their days begin, and how long to wait for the reply."""

    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]
    time_zone: Annotated[str, Meta(max_length=NAME_LENGTH, pattern=NO_CONTROL)] = "UTC"
    timeout_ms: Milliseconds = 1_000


class Answered(Struct, frozen=True, kw_only=True):
    """The reply to words, none if no list answered in time: then `token` waits for the list that has it."""

    event_id: EventId
    token: str
    reply: Reply | None = None


class Believed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A belief that a user states, as in `schemas.instructions.Remember`."""

    predicate: Literal["likes", "dislikes"]
    value: FactName
    subject: Literal["category", "item", "attribute"] = "category"
    attribute: Annotated[str, Meta(max_length=NAME_LENGTH, pattern=NO_CONTROL)] = ""


class Level(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A level of autonomy and the rules of offers, as in `schemas.instructions.SetAutonomy`."""

    level: Literal[0, 1, 2, 3]
    action: Literal["all", "plans", "words", "offers"] = "all"
    offers: OfferRules | None = None


class GoalOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A goal of several steps, as in `schemas.instructions.SetGoal`."""

    name: FactName
    items: Annotated[tuple[ItemKey, ...], Meta(max_length=MOST_STEPS)] = ()
    category: Category | None = None
    count: Annotated[int, Meta(ge=0, le=MOST_STEPS)] = 0
    ascending: FactName | None = None
    per_session: Annotated[int, Meta(ge=1, le=MOST_STEPS)] = 1
    until: Time | None = None


class DecisionOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the user approves a proposal; by default of whatever waits."""

    approve: bool
    proposal: Annotated[str, Meta(max_length=ID_LENGTH, pattern=NO_CONTROL)] = ""


class OccasionOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the agent should consider an offer, such as the name of a campaign."""

    reason: Label = ""


@get("/v1/users/{user_id:str}", opt=permitted_to("memories"), tags=["users"], summary="A user's page")
async def get_user(context: InjectedContext, user_id: Id, language: Tongue = "en", time_zone: Zone = "UTC") -> UserPage:
    """Return everything that is believed of a user, in words and with its evidence, and what waits for approval."""
    return await _page(context, ids.user_id(user_id), language, time_zone)


@get("/v1/users/{user_id:str}/export", opt=permitted_to("memories"), tags=["users"], summary="All of a user")
async def get_export(context: InjectedContext, user_id: Id) -> dict[str, Any]:
    """Return all that is stored of a user as one object, to take elsewhere: their `page` in words, the `state` folded
    from their events, their `agent` with every memory and the plan, and their newest `list`.
    """
    user = ids.user_id(user_id)
    record, newest = await context.user_records.read(user), context.cache.list_of(user)
    try:
        shown = decode(RECOMMENDATIONS, newest, now=context.clock()) if newest else None
    except DecodeError:
        shown = None
    page = await _page(context, user, "en", "UTC")
    return {"page": page, "state": record.user, "agent": record.agent, "list": shown}


@post(
    "/v1/users/{user_id:str}/say",
    status_code=200,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="Say something, and read the reply",
)
async def post_say(data: JSONBody[SaidWords], context: InjectedContext, user_id: Id) -> Answered:
    """Store an instruction in words, wait for the list that answers it, and return the reply."""
    user = ids.user_id(user_id)
    said = Say(**_who(context, user), text=data.text, time_zone=data.time_zone)
    token = await _store(context, said)
    query = ListQuery(
        user=user, token=user_part(token, user, context.person_partitions), seconds=data.timeout_ms / 1_000
    )
    served = await context.lists.serve(query)
    reply = next((reply for reply in served.replies if reply.event_id == said.event_id), None)
    return Answered(event_id=said.event_id, token=token, reply=reply)


@post(
    "/v1/users/{user_id:str}/memories",
    status_code=202,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="State a belief",
)
async def post_memory(data: JSONBody[Believed], context: InjectedContext, user_id: Id) -> AcceptedResponse:
    """Remember what a user says that they like or dislike."""
    remembered = Remember(
        **_who(context, user_id),
        predicate=data.predicate,
        subject=data.subject,
        value=data.value,
        attribute=data.attribute,
    )
    return await _accepted(context, remembered)


@delete(
    "/v1/users/{user_id:str}/memories/{memory_id:str}",
    status_code=202,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="Forget a memory",
)
async def delete_memory(context: InjectedContext, user_id: Id, memory_id: Id) -> AcceptedResponse:
    """Remove one memory, stated or inferred; what it had outranked is believed again."""
    return await _accepted(context, Forget(**_who(context, user_id), memory_id=MemoryId(memory_id)))


@post(
    "/v1/users/{user_id:str}/goals",
    status_code=202,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="Set a goal of several steps",
)
async def post_goal(data: JSONBody[GoalOf], context: InjectedContext, user_id: Id) -> AcceptedResponse:
    """Set a goal: items in their order, or so many of a category. A newer goal of the same name replaces the older."""
    try:
        said = SetGoal(**_who(context, user_id), **structs.asdict(data))
    except ValueError as exc:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", str(exc)) from exc
    return await _accepted(context, said)


@delete(
    "/v1/users/{user_id:str}/goals/{name:str}",
    status_code=202,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="Withdraw a goal",
)
async def delete_goal(context: InjectedContext, user_id: Id, name: Id) -> AcceptedResponse:
    """Withdraw the goal of this name, and nothing else that was stated."""
    return await _accepted(context, LiftGoal(**_who(context, user_id), name=name))


@post(
    "/v1/users/{user_id:str}/undo",
    status_code=202,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="Take back the newest statement",
)
async def post_undo(context: InjectedContext, user_id: Id) -> AcceptedResponse:
    """Take back the newest statement: what held before it holds again."""
    return await _accepted(context, Undo(**_who(context, user_id)))


@put(
    "/v1/users/{user_id:str}/autonomy",
    status_code=202,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="Set the agent's autonomy",
)
async def put_autonomy(data: JSONBody[Level], context: InjectedContext, user_id: Id) -> AcceptedResponse:
    """Set how much the user's agent may do by itself: 0 rank only, 1 propose and ask, 2 plan by itself, 3 make
    offers too.
    """
    said = SetAutonomy(**_who(context, user_id), level=data.level, action=data.action, offers=data.offers)
    return await _accepted(context, said)


@post(
    "/v1/users/{user_id:str}/occasions",
    status_code=202,
    opt=permitted_to("ingest"),
    tags=["users"],
    summary="Let the agent consider an offer",
)
async def post_occasion(data: JSONBody[OccasionOf], context: InjectedContext, user_id: Id) -> AcceptedResponse:
    """Store an occasion: the agent makes an offer, or withholds it, and says which on the topic `offers`."""
    return await _accepted(context, Occasion(**_who(context, user_id), reason=data.reason))


@post(
    "/v1/users/{user_id:str}/decision",
    status_code=202,
    opt=permitted_to("instructions"),
    tags=["users"],
    summary="Approve or reject what waits",
)
async def post_decision(data: JSONBody[DecisionOf], context: InjectedContext, user_id: Id) -> AcceptedResponse:
    """Approve or reject what was understood of the user's words, or else a proposed plan."""
    kind = Approve if data.approve else Reject
    return await _accepted(context, kind(**_who(context, user_id), proposal=data.proposal))


PAGE_HANDLERS = (
    get_user,
    get_export,
    post_say,
    post_memory,
    delete_memory,
    post_goal,
    delete_goal,
    post_undo,
    put_autonomy,
    post_occasion,
    post_decision,
)


def _who(context: GatewayContext, user_id: str) -> dict[str, Any]:
    """Return the fields that every instruction has."""
    return {
        "event_id": EventId(context.new_id()),
        "user_id": UserId(ids.user_id(user_id)),
        "event_time": context.clock(),
    }


async def _accepted(context: GatewayContext, record: Instruction | Occasion) -> AcceptedResponse:
    return AcceptedResponse(accepted=1, token=await _store(context, record))


async def _store(context: GatewayContext, record: Instruction | Occasion) -> str:
    """Check and store an instruction or an occasion; return the token of the list that reflects it.

    Raises:
        Problem: 422, a value of it is out of bounds; 503, Kafka did not acknowledge in time.
    """
    topic, value = OCCASIONS if isinstance(record, Occasion) else INSTRUCTIONS, encode(record)
    try:
        decode(topic, value, now=context.clock())
    except DecodeError as exc:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, exc.reason, str(exc)) from exc
    records: list[tuple[str, bytes | None]] = [(record.user_id, value)]
    return token_of(topic, await context.producer_queue.put(topic, records, within=context.post_seconds))


async def _page(context: GatewayContext, user: UserId, language: str, time_zone: str) -> UserPage:
    record = await context.user_records.read(user)

    def title(item: ItemId) -> str:
        value = context.cache.item(item)
        try:
            entry: Item | None = decode(ITEMS, value, now=context.clock()) if value else None
        except DecodeError:
            return ""
        return entry.title if entry else ""

    now = context.lists.stream_now()
    return page_of(record, title, now=now, zone=zone_of(time_zone), language=language)
