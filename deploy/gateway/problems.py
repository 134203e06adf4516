"""Errors as RFC 9457 problem details: the only place where an exception becomes a response.

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

from deploy.gateway.access.record import record_of
from schemas.errors import BadFilter, DecodeError, LifelongError, StoreUnavailable
from streams.log.kafka_errors import KafkaRefused

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class Rejected(Struct, frozen=True):
    """A posted value that was not accepted: its index in the list, a reason code, and what is wrong."""

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
    position: int = 0
    """The character of a filter or boost that is at fault, from 1."""
    rejected: tuple[Rejected, ...] = ()


class Problem(LifelongError):
    """A request that fails with this status, reason code and detail."""

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
    """Return the body of an error response.

    >>> details(HTTPStatus.NOT_FOUND, "unknown-item", "no such item").type
    'urn:lifelong:problem:unknown-item'
    """
    kind = f"urn:lifelong:problem:{reason}"
    return Details(type=kind, title=status.phrase, status=status, detail=detail, reason=reason)


def answer(request: Request[Any, Any, Any], exc: Exception) -> Response[Details]:
    """Return the response to an exception; log an unexpected one, and keep its text from the client."""
    body, headers = _body_and_headers(exc)
    record_of(request.scope).reason = body.reason
    if body.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s %s failed", request.method, request.scope.get("path_template", ""), exc_info=exc)
    return Response(body, status_code=body.status, media_type=MEDIA_TYPE, headers=headers)


def _body_and_headers(exc: Exception) -> tuple[Details, dict[str, str]]:
    retry = {"Retry-After": "1"}
    match exc:
        case Problem():
            return exc.details, exc.headers
        case DecodeError():
            return details(HTTPStatus.UNPROCESSABLE_ENTITY, exc.reason, str(exc)), {}
        case BadFilter():
            return replace(details(HTTPStatus.BAD_REQUEST, "bad-filter", str(exc)), position=exc.at + 1), {}
        case StoreUnavailable():
            return details(HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", str(exc)), retry
        case KafkaRefused():
            return details(HTTPStatus.SERVICE_UNAVAILABLE, "kafka-refused", str(exc)), retry
        case HTTPException():
            return _of_framework(exc), dict(exc.headers or {})
        case _:
            text = "the gateway failed; its log says why"
            return details(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", text), {}


def _of_framework(exc: HTTPException) -> Details:
    status = HTTPStatus(exc.status_code)
    faults = exc.extra if isinstance(exc.extra, list) else []
    texts = [f"{fault.get('key', '')}: {fault.get('message', '')}" for fault in faults if isinstance(fault, dict)]
    return details(status, status.name.lower().replace("_", "-"), "; ".join(texts) or exc.detail)
