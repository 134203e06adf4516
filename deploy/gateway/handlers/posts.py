"""Handlers that store events, items and instructions, one or many per request."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from litestar import Request, delete, post
from litestar.exceptions import InternalServerException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Reference, RequestBody, Schema
from litestar.params import PathParameter
from msgspec import UNSET, Struct, UnsetType

from deploy.gateway import ids
from deploy.gateway.access.control import OTHER_ITEM, OTHER_USER, caller_of
from deploy.gateway.access.record import record_of
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import GatewayContext, InjectedContext
from deploy.gateway.handlers.request_parsing import ParsedRequest, is_bulk, parse_request
from deploy.gateway.limits import MAX_VALUES
from deploy.gateway.problems import Problem, Rejected
from deploy.gateway.served.tokens import token_of
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS, PERSON_TOPICS

AnyRequest = Request[Any, Any, Any]


class AcceptedResponse(Struct, frozen=True, kw_only=True):
    """What was stored durably before this answer: how many values, which were rejected, and a token for `after`.

    `ignored`: unknown fields of values, by the value's index in the list. They are stored but not read; most often one
    is misspelt.
    """

    accepted: int
    rejected: tuple[Rejected, ...] = ()
    token: str = ""
    ignored: dict[int, tuple[str, ...]] | UnsetType = UNSET


def _body_of(name: str) -> type[Operation]:
    """Return an operation whose body is one value of this schema, or a list of them."""

    @dataclass
    class BodyOperation(Operation):
        def __post_init__(self) -> None:
            value = Reference(ref=f"#/components/schemas/{name}")
            values = Schema(type=OpenAPIType.ARRAY, items=value, max_items=MAX_VALUES)
            content = {"application/json": OpenAPIMediaType(schema=Schema(one_of=[value, values]))}
            self.request_body = RequestBody(content=content, required=True)

    return BodyOperation


@post(
    "/v1/interactions",
    status_code=202,
    opt=permitted_to("ingest"),
    operation_class=_body_of("Interaction"),
    tags=["in"],
    summary="Store interactions",
)
async def post_interactions(request: AnyRequest, context: InjectedContext) -> AcceptedResponse:
    """Store one interaction or a list of them.

    Answered once all replicas have the events. Missing `event_id` and `event_time` are filled in. An event sent again
    with the same `event_id` has no second effect, so repeat every request without an answer. Invalid values of a list
    are named in the answer, and the others are stored. Pass `token` to `GET /v1/recommendations/{user_id}?after=` to
    read a list that reflects the events. While too many events wait for workers, the answer is 429 with `Retry-After`.
    """
    context.backlog.refuse_if_full()
    response = await _store(INTERACTIONS, request, context)
    context.backlog.accepted(response.accepted)
    return response


@post(
    "/v1/instructions",
    status_code=202,
    opt=permitted_to("ingest", "instructions"),
    operation_class=_body_of("Instruction"),
    tags=["in"],
    summary="Store instructions",
)
async def post_instructions(request: AnyRequest, context: InjectedContext) -> AcceptedResponse:
    """Store users' instructions: ban, pin, more, less. Works like `POST /v1/interactions`."""
    return await _store(INSTRUCTIONS, request, context)


@post(
    "/v1/items",
    status_code=202,
    opt=permitted_to("catalogue"),
    operation_class=_body_of("Item"),
    tags=["in"],
    summary="Put items into the catalogue",
)
async def post_items(request: AnyRequest, context: InjectedContext) -> AcceptedResponse:
    """Store catalogue items; each replaces the earlier entry of its item."""
    return await _store(ITEMS, request, context)


@delete(
    "/v1/items/{item_id:str}", status_code=202, opt=permitted_to("catalogue"), tags=["in"], summary="Withdraw an item"
)
async def delete_item(
    item_id: Annotated[str, PathParameter(min_length=1)], context: InjectedContext
) -> AcceptedResponse:
    """Withdraw an item, whether it is in the catalogue or not."""
    await context.producer_queue.put(ITEMS, [(ids.item_id(item_id), None)], within=context.post_seconds)
    return AcceptedResponse(accepted=1)


async def _store(topic: str, request: AnyRequest, context: GatewayContext) -> AcceptedResponse:
    """1 check 2 store 3 answer: after a crash between the last two, the sender repeats the request.

    Raises:
        Problem: no value was accepted, or Kafka did not acknowledge in time.
    """
    body = await _body_of_request(request)
    parsed = parse_request(topic, body, now=context.clock(), new_id=context.new_id, caller=caller_of(request.scope))
    record_of(request.scope).concerns = tuple(dict.fromkeys(key for key, _ in parsed.records))
    _refuse_if_empty(parsed, bulk=is_bulk(body))
    context.access.charge(request.scope, len(parsed.records))
    receipts = await context.producer_queue.put(topic, parsed.records, within=context.post_seconds)
    token = token_of(topic, receipts) if topic in PERSON_TOPICS else ""
    ignored = parsed.ignored or UNSET
    return AcceptedResponse(accepted=len(receipts), rejected=parsed.rejected, token=token, ignored=ignored)


async def _body_of_request(request: AnyRequest) -> bytes:
    """Return the body.

    Raises:
        Problem: 400, the connection ended before the body; nobody reads the answer.
    """
    try:
        return await request.body()
    except InternalServerException as exc:
        raise Problem(HTTPStatus.BAD_REQUEST, "disconnected", "the connection ended before the body") from exc


def _refuse_if_empty(parsed: ParsedRequest, *, bulk: bool) -> None:
    if parsed.records or not parsed.rejected:
        return
    first = parsed.rejected[0]
    status = HTTPStatus.FORBIDDEN if first.reason in (OTHER_USER, OTHER_ITEM) else HTTPStatus.UNPROCESSABLE_ENTITY
    if bulk:
        text = f"none of {len(parsed.rejected)} values was accepted; the first: {first.message}"
        raise Problem(status, first.reason, text, rejected=parsed.rejected)
    raise Problem(status, first.reason, first.message)
