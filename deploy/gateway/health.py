"""Whether the process lives, whether it is to be sent requests, and its metrics. Open to everybody who reaches it."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Response, get
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deploy.gateway.auth import OPEN_ROUTE
from deploy.gateway.context import Given


class Health(Struct, frozen=True, omit_defaults=True):
    """How the process is: `ready`, `unavailable`, `catching-up`, `draining` or `failed`; to be alive is to say `live`.

    `reasons`: of servers that do not answer as they should, what is wrong, by server. `restarts`: how often processes
    of the stack ended by themselves, of those that did.
    """

    status: str
    reasons: dict[str, str] = {}
    restarts: dict[str, int] = {}


@get("/health/live", opt=OPEN_ROUTE, tags=["operation"], summary="Does it live?", security=[{}])
async def live() -> Health:
    """The process answers."""
    return Health("live")


@get("/health/ready", opt=OPEN_ROUTE, tags=["operation"], summary="Is it to be sent requests?", security=[{}])
async def ready(context: Given) -> Response[Health]:
    """Send requests here: 200 once lists and catalogue were read to the end; 503 before that, while draining, and
    while Kafka or the state store does not answer within a second: `reasons` names which, and why.
    """
    reasons = context.probe.problems()
    status = _status(context, reasons)
    code = HTTPStatus.OK if status == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
    restarts = {name: count for name, count in context.restarts().items() if count}
    return Response(Health(status, reasons if status == "unavailable" else {}, restarts), status_code=code)


@get("/metrics", opt=OPEN_ROUTE, include_in_schema=False)
async def metrics() -> Response[bytes]:
    """For Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _status(context: Given, reasons: dict[str, str]) -> str:
    if context.condition.failed:
        return "failed"
    if context.condition.draining:
        return "draining"
    if not context.cache.caught_up:
        return "catching-up"
    return "unavailable" if reasons else "ready"
