"""The handler that erases a user."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from litestar import delete
from litestar.params import PathParameter
from msgspec import Struct

from deploy.gateway import ids
from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import InjectedContext
from schemas.codec import encode
from schemas.erasures import Erasure
from schemas.ids import EventId
from schemas.topics import ERASURES


class ErasureAccepted(Struct, frozen=True, kw_only=True):
    """A request to erase a user, which is stored: `lifelong user erased` shows when every copy has followed."""

    request_id: EventId


@delete(
    "/v1/users/{user_id:str}",
    status_code=HTTPStatus.ACCEPTED,
    opt=permitted_to(),
    tags=["users"],
    summary="Erase a user",
)
async def erase_user(context: InjectedContext, user_id: Annotated[str, PathParameter(min_length=1)]) -> ErasureAccepted:
    """Store that a user is to be erased: all that is stored of them is removed from every copy within seconds, and what
    they did until now is refused from then on.
    """
    user, request = ids.user_id(user_id), EventId(context.new_id())
    erasure = Erasure(event_id=request, user_id=user, event_time=context.clock())
    await context.producer_queue.put(ERASURES, [(user, encode(erasure))], within=context.post_seconds)
    return ErasureAccepted(request_id=request)
