"""Liveness, readiness and metrics of the gateway. The first two need no key."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Response, get
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deploy.gateway.access.scopes import OPEN_ROUTE
from deploy.gateway.context import InjectedContext


class Health(Struct, frozen=True, omit_defaults=True):
    """Status of the process: `ready`, `unavailable`, `catching-up`, `draining` or `failed`; for liveness, `live`.

    `reasons`: problems of servers, by server. `restarts`: how often each process of the stack ended by itself, where
    it did.
    """

    status: str
    reasons: dict[str, str] = {}
    restarts: dict[str, int] = {}


@get("/health/live", opt=OPEN_ROUTE, tags=["operation"], summary="Liveness", security=[{}])
async def live() -> Health:
    """Answer that the process is alive."""
    return Health("live")


@get("/health/ready", opt=OPEN_ROUTE, tags=["operation"], summary="Readiness", security=[{}])
async def ready(context: InjectedContext) -> Response[Health]:
    """Answer whether requests may be sent here.

    200 once lists and catalogue have been read to the end; 503 before that, while draining, and while Kafka or the
    state store does not answer within a second: `reasons` names which, and why.
    """
    reasons = context.probe.problems()
    status = _status(context, reasons)
    code = HTTPStatus.OK if status == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
    restarts = {name: count for name, count in context.restarts().items() if count}
    return Response(Health(status, reasons if status == "unavailable" else {}, restarts), status_code=code)


@get("/metrics", opt={"page": "metrics"}, include_in_schema=False)
async def metrics() -> Response[bytes]:
    """Return metrics in the text format of Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _status(context: InjectedContext, reasons: dict[str, str]) -> str:
    if context.condition.failed:
        return "failed"
    if context.condition.draining:
        return "draining"
    if not context.cache.caught_up:
        return "catching-up"
    return "unavailable" if reasons else "ready"
