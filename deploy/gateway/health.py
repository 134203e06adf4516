"""Whether the process lives, whether it is to be sent requests, and its metrics. Open to everybody who reaches it."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Response, get
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deploy.gateway.auth import OPEN
from deploy.gateway.door import Given


class Health(Struct, frozen=True):
    """How the process is: `ready`, `catching-up`, `draining` or `failed`; to be alive is to say `live`."""

    status: str


@get("/health/live", opt=OPEN, tags=["operation"], summary="Does it live?", security=[{}])
async def live() -> Health:
    """The process answers."""
    return Health("live")


@get("/health/ready", opt=OPEN, tags=["operation"], summary="Is it to be sent requests?", security=[{}])
async def ready(door: Given) -> Response[Health]:
    """Send requests here: 200 once lists and catalogue were read to the end, 503 before that and while draining.

    It stays ready when Kafka goes away later on, for lists are served all the same.
    """
    status = _status(door)
    code = HTTPStatus.OK if status == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(Health(status), status_code=code)


@get("/metrics", opt=OPEN, include_in_schema=False)
async def metrics() -> Response[bytes]:
    """For Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _status(door: Given) -> str:
    if door.condition.failed:
        return "failed"
    if door.condition.draining:
        return "draining"
    return "ready" if door.cache.caught_up else "catching-up"
