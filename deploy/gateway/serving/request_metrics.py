"""Counts and times requests by route. A path is never a label: there are as many paths as users."""

from __future__ import annotations

from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

UNMATCHED = "unmatched"
Observe = Callable[[str, int, float], None]


class RequestMetrics:
    """An ASGI application around another. `observe` receives route, status and seconds of every answered request.

    `clock` returns monotonic seconds.
    """

    def __init__(self, app: ASGIApp, observe: Observe, *, clock: Callable[[], float]) -> None:
        self._app = app
        self._observe = observe
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = self._clock()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("path_template") or UNMATCHED
                self._observe(route, message["status"], self._clock() - began)
            await send(message)

        await self._app(scope, receive, observed)
