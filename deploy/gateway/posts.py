"""What comes in: events, items and instructions, one or many at once."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from litestar import Request, delete, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Reference, RequestBody, Schema
from litestar.params import PathParameter
from msgspec import UNSET, Struct, UnsetType

from deploy.gateway import ids
from deploy.gateway.context import GatewayContext, Given
from deploy.gateway.problems import Problem, Rejected
from deploy.gateway.request_parsing import MAX_VALUES, ParsedRequest, is_bulk, parse_request
from deploy.gateway.tokens import token_of
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS, PERSON_TOPICS

AnyRequest = Request[Any, Any, Any]


class AcceptedResponse(Struct, frozen=True, kw_only=True):
    """What was stored, for good, before this was answered: how many, what was not, and a token for `after`.

    `ignored`: by the place of a value in the list, its fields that no type of this topic has. They are kept and not
    read: most of the time one is misspelt.
    """

    accepted: int
    rejected: tuple[Rejected, ...] = ()
    token: str = ""
    ignored: dict[int, tuple[str, ...]] | UnsetType = UNSET


def _takes(name: str) -> type[Operation]:
    """An operation whose body is one value of this name, or a list of them."""

    @dataclass
    class Takes(Operation):
        def __post_init__(self) -> None:
            one = Reference(ref=f"#/components/schemas/{name}")
            many = Schema(type=OpenAPIType.ARRAY, items=one, max_items=MAX_VALUES)
            content = {"application/json": OpenAPIMediaType(schema=Schema(one_of=[one, many]))}
            self.request_body = RequestBody(content=content, required=True)

    return Takes


@post(
    "/v1/interactions",
    status_code=202,
    operation_class=_takes("Interaction"),
    tags=["in"],
    summary="Store what people did",
)
async def post_interactions(request: AnyRequest, context: Given) -> AcceptedResponse:
    """What people did.

    Answered once all replicas have it. Without `event_id` and `event_time` they are filled in; sent again with the
    same `event_id`, an event has no second effect, so repeat whatever was not answered. Of a list, those that are
    wrong are named and the others stored. Give `token` to `GET /v1/recommendations/{user_id}?after=` to read a list
    that reflects the events. While too many wait for workers, answered with 429 and `Retry-After`.
    """
    context.backlog.refuse_if_full()
    accepted = await _stored(INTERACTIONS, request, context)
    context.backlog.accepted(accepted.accepted)
    return accepted


@post(
    "/v1/instructions",
    status_code=202,
    operation_class=_takes("Instruction"),
    tags=["in"],
    summary="Store what people decide",
)
async def post_instructions(request: AnyRequest, context: Given) -> AcceptedResponse:
    """What people decide: ban, pin, more, less. As `POST /v1/interactions`."""
    return await _stored(INSTRUCTIONS, request, context)


@post("/v1/items", status_code=202, operation_class=_takes("Item"), tags=["in"], summary="Put items into the catalogue")
async def post_items(request: AnyRequest, context: Given) -> AcceptedResponse:
    """Items of the catalogue, each replacing what was known of it."""
    return await _stored(ITEMS, request, context)


@delete("/v1/items/{item_id:str}", status_code=202, tags=["in"], summary="Withdraw an item")
async def delete_item(item_id: Annotated[str, PathParameter(min_length=1)], context: Given) -> AcceptedResponse:
    """Withdraw an item; one that is not in the catalogue is withdrawn all the same."""
    await context.producer_queue.put(ITEMS, [(ids.item_id(item_id), None)], within=context.post_seconds)
    return AcceptedResponse(accepted=1)


async def _stored(topic: str, request: AnyRequest, context: GatewayContext) -> AcceptedResponse:
    """1 check 2 store 3 answer: cut between the last two, the sender repeats it.

    Raises:
        Problem: nothing was taken, or it was not acknowledged in time.
    """
    body = await request.body()
    taken = parse_request(topic, body, now=context.clock(), new_id=context.new_id)
    _refuse_if_nothing(taken, bulk=is_bulk(body))
    places = await context.producer_queue.put(topic, taken.records, within=context.post_seconds)
    token = token_of(topic, places) if topic in PERSON_TOPICS else ""
    return AcceptedResponse(accepted=len(places), rejected=taken.rejected, token=token, ignored=taken.ignored or UNSET)


def _refuse_if_nothing(taken: ParsedRequest, *, bulk: bool) -> None:
    if taken.records or not taken.rejected:
        return
    first = taken.rejected[0]
    if bulk:
        text = f"none of {len(taken.rejected)} values was taken; the first: {first.message}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, first.reason, text, rejected=taken.rejected)
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, first.reason, first.message)
