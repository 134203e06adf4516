"""Uvicorn's HTTP protocol, under the limits of a `ConnectionGuard`."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from deploy.gateway.limits import MAX_HEADERS, MAX_PIPELINED
from deploy.gateway.problems import MEDIA_TYPE, details
from deploy.gateway.serving.connections import ConnectionGuard, Phase

HEADER_OVERHEAD = 4
"""Bytes of a header field beside its name and value."""
ANSWERS = {
    "headers-too-large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "slow-headers": HTTPStatus.REQUEST_TIMEOUT,
    "slow-body": HTTPStatus.REQUEST_TIMEOUT,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "connections": HTTPStatus.SERVICE_UNAVAILABLE,
    "client-connections": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status with which a connection is closed, by reason, where nothing has been answered yet."""
CLOSING = (*ANSWERS, "slow-reading", "pipelined")
"""Why connections are closed."""
REFUSAL_TEXTS = {
    "headers-too-large": "the headers take too many bytes, or there are too many",
    "slow-headers": "the headers did not arrive in time",
    "slow-body": "the body did not arrive in time",
    "busy": "too many bytes of bodies are being received: send it again later",
    "connections": "too many connections are open: connect again later",
    "client-connections": "too many connections are open from this address: use fewer, and keep them",
}


class GuardedProtocol(HttpToolsProtocol):
    """One connection. It begins in `Phase.HEADERS`, and is there again after each answer."""

    phase = Phase.HEADERS

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        guard: ConnectionGuard,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard = guard
        self._limits = guard.limits
        self._answering: RequestResponseCycle | None = None
        self._in_headers = True
        self._ended_headers = False
        """Whether the bytes that are being parsed are not all of one request's headers."""
        self._header_bytes = 0
        self._body_bytes = 0
        self.client_host = ""
        self.due = self.loop.time() + self._limits.header_seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, which may close it or another one."""
        super().connection_made(transport)
        self.client_host = self.client[0] if self.client else ""
        self._guard.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and the bytes that it had waiting."""
        self._end_answer()
        self._guard.release(self)
        self._release_body()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived; refuse headers that grow too large before they end."""
        if self.transport.is_closing():
            return
        self._ended_headers = not self._in_headers
        super().data_received(data)
        if self._in_headers and not self._ended_headers:
            self._header_bytes += len(data)
            if self._header_bytes > self._limits.header_bytes and not self.transport.is_closing():
                self._refuse("headers-too-large")

    def on_message_begin(self) -> None:
        """Begin the headers of a request, which may arrive while another one is being answered."""
        self._in_headers = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to wait for the body; refuse headers that are too large, and too many requests ahead of answers."""
        if self.transport.is_closing():
            return
        self._in_headers, self._ended_headers, self._header_bytes = False, True, 0
        size = len(self.url) + sum(len(name) + len(value) + HEADER_OVERHEAD for name, value in self.headers)
        if size > self._limits.header_bytes or len(self.headers) > MAX_HEADERS:
            self._in_headers = True
            self._refuse("headers-too-large")
        elif len(self.pipeline) >= MAX_PIPELINED:
            self._refuse("pipelined")
        else:
            self._enter(Phase.BODY, self._limits.body_seconds)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, while those of all connections leave room for it; after an answer it is discarded."""
        if self.transport.is_closing():
            return
        if not self.cycle.response_complete:
            self._body_bytes += len(body)
            self._guard.queued_bytes += len(body)
            if self._guard.queued_bytes > self._limits.queued_body_bytes:
                self._refuse("busy")
                return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the application, or where it has answered already, for the next request."""
        if self.transport.is_closing():
            return
        if self.cycle.response_complete:
            self._await_request()
        else:
            self._enter(Phase.ANSWERING, 0.0)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request; after an answer to half a request, for the rest of it."""
        self._release_body()
        if not self.pipeline and self.phase is not Phase.BODY:
            self._await_request()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Give a client that does not read its answer a limited time."""
        super().pause_writing()
        if self.phase is Phase.ANSWERING:
            self._enter(Phase.READING, self._limits.body_seconds)

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        super().resume_writing()
        if self.phase is Phase.READING and self.cycle.response_complete:
            self._await_request()
        elif self.phase is Phase.READING:
            self._enter(Phase.ANSWERING, 0.0)

    def close_for(self, reason: str) -> None:
        """Close the connection; answer why, where half a request has arrived and nothing was answered to it."""
        if self._may_answer(reason):
            self.transport.write(answer_of(reason))
            self.transport.close()
        else:
            self._end_answer()
            self.transport.abort()

    def _may_answer(self, reason: str) -> bool:
        if reason not in ANSWERS or self.transport.is_closing():
            return False
        if self.phase is Phase.HEADERS or self._in_headers:
            # Nothing else is being answered on this connection, and it does not just wait between two requests.
            return self._in_headers and (self.cycle is None or self.cycle.response_complete)
        return self.phase is Phase.BODY and not self.cycle.response_started and not self.pipeline

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin to answer a request; `self.cycle` is already that of the newest one, where several wait."""
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _end_answer(self) -> None:
        """Tell what is still being answered that nobody listens; uvicorn tells the newest of several requests alone."""
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def _await_request(self) -> None:
        self._guard.wait(self)
        if self.flow.write_paused:
            self._enter(Phase.READING, self._limits.body_seconds)
        else:
            self._enter(Phase.HEADERS, self._limits.idle_seconds + self._limits.header_seconds)

    def _enter(self, phase: Phase, seconds: float) -> None:
        self.phase = phase
        self.due = self.loop.time() + seconds

    def _release_body(self) -> None:
        self._guard.queued_bytes -= self._body_bytes
        self._body_bytes = 0

    def _refuse(self, reason: str) -> None:
        self._guard.observe(reason)
        self.close_for(reason)


def answer_of(reason: str) -> bytes:
    """Return a whole answer with problem details, for a request that no handler sees.

    >>> answer_of("slow-body").split(b"\\r\\n")[0]
    b'HTTP/1.1 408 Request Timeout'
    """
    status = ANSWERS[reason]
    body = msgspec.json.encode(details(status, reason, REFUSAL_TEXTS[reason]))
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
