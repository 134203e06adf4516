"""What goes wrong, as RFC 9457 problem details: the one place where an exception becomes an answer.

`reason` is for machines and stays the same; `detail` is for people.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import Struct
from msgspec.structs import replace

from schemas.errors import DecodeError, LifelongError, StoreUnavailable
from streams.log.kafka_errors import KafkaRefused

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class Rejected(Struct, frozen=True):
    """One value of a post that was not taken: its place in the list, a reason code, and what is wrong."""

    index: int
    reason: str
    message: str


class Details(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every answer that is not a success."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    rejected: tuple[Rejected, ...] = ()


class Problem(LifelongError):
    """A request that cannot be answered as asked."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        *,
        rejected: tuple[Rejected, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.details = details(status, reason, detail)
        self.details = replace(self.details, rejected=rejected)
        self.headers = dict(headers or {})


def details(status: HTTPStatus, reason: str, detail: str) -> Details:
    """The body of an answer.

    >>> details(HTTPStatus.NOT_FOUND, "unknown-item", "no such item").type
    'urn:lifelong:problem:unknown-item'
    """
    kind = f"urn:lifelong:problem:{reason}"
    return Details(type=kind, title=status.phrase, status=status, detail=detail, reason=reason)


def answer(request: Request[Any, Any, Any], exc: Exception) -> Response[Details]:
    """The answer to an exception; one that nobody foresaw is logged and told to nobody."""
    body, headers = _told(exc)
    if body.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s %s failed", request.method, request.scope.get("path_template", ""), exc_info=exc)
    return Response(body, status_code=body.status, media_type=MEDIA_TYPE, headers=headers)


def _told(exc: Exception) -> tuple[Details, dict[str, str]]:
    again = {"Retry-After": "1"}
    match exc:
        case Problem():
            return exc.details, exc.headers
        case DecodeError():
            return details(HTTPStatus.UNPROCESSABLE_ENTITY, exc.reason, str(exc)), {}
        case StoreUnavailable():
            return details(HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", str(exc)), again
        case KafkaRefused():
            return details(HTTPStatus.SERVICE_UNAVAILABLE, "kafka-refused", str(exc)), again
        case HTTPException():
            return _of_framework(exc), dict(exc.headers or {})
        case _:
            text = "the gateway failed; its log says why"
            return details(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", text), {}


def _of_framework(exc: HTTPException) -> Details:
    status = HTTPStatus(exc.status_code)
    faults = exc.extra if isinstance(exc.extra, list) else []
    told = [f"{fault.get('key', '')}: {fault.get('message', '')}" for fault in faults if isinstance(fault, dict)]
    return details(status, status.name.lower().replace("_", "-"), "; ".join(told) or exc.detail)
