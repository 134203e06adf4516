"""The gateway as an ASGI application: its handlers, and the threads that run beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.types import Message

from deploy.gateway.access.control import KEY_HEADER
from deploy.gateway.access.record import record_of
from deploy.gateway.context import GatewayContext
from deploy.gateway.handlers import user_pages
from deploy.gateway.handlers.access_handlers import get_keys, post_tokens
from deploy.gateway.handlers.chat import post_chat
from deploy.gateway.handlers.docs import openapi_config
from deploy.gateway.handlers.erasures import erase_user
from deploy.gateway.handlers.health import live, metrics, ready
from deploy.gateway.handlers.outside_knowledge import get_outside_knowledge
from deploy.gateway.handlers.posts import delete_item, post_instructions, post_interactions, post_items
from deploy.gateway.handlers.reads import STALE, get_memories, get_recommendations, get_similar
from deploy.gateway.handlers.search import SEARCH_HANDLERS
from deploy.gateway.handlers.user_items import get_history, get_user_item
from deploy.gateway.ids import read_whole_ids
from deploy.gateway.problems import answer

HANDLERS = (
    post_interactions,
    post_instructions,
    post_items,
    delete_item,
    get_recommendations,
    get_similar,
    get_memories,
    get_user_item,
    get_outside_knowledge,
    get_history,
    post_chat,
    *SEARCH_HANDLERS,
    *user_pages.PAGE_HANDLERS,
    erase_user,
    post_tokens,
    get_keys,
    live,
    ready,
    metrics,
)
RATE_HEADERS = [f"RateLimit-{part}" for part in ("Policy", "Limit", "Remaining", "Reset")]
EXPOSED_HEADERS = ["ETag", "Retry-After", STALE, *RATE_HEADERS]
"""Headers of answers that a page of another origin may read."""
FEEDER_SECONDS = 2.0
WRITER_SECONDS = 2.0


class GatewayApp(Litestar):
    """The application. Before Litestar it decodes escapes in paths only after splitting them, so that ids may hold
    slashes, and turns HEAD into GET; after it, it adds what is left of a limit, and has the request audited.
    """

    context: GatewayContext

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope.setdefault("state", {})
        routed = {**scope, "method": _routed_method(scope["method"])}
        read_whole_ids(routed)
        is_head = scope["method"] == "HEAD"

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["path_template"] = routed.get("path_template", "")
                extra = record_of(routed).headers
                if extra:
                    named = [(name.lower().encode(), value.encode()) for name, value in extra.items()]
                    message = {**message, "headers": [*message["headers"], *named]}
                self.context.access.answered(routed, message["status"])
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await super().__call__(routed, receive, answered)  # type: ignore[arg-type]


def _routed_method(method: str) -> str:
    """Return the method whose handler answers: HEAD is a GET without its body (RFC 9110).

    >>> _routed_method("HEAD"), _routed_method("POST")
    ('GET', 'POST')
    """
    return "GET" if method == "HEAD" else method


def create_app(context: GatewayContext) -> Litestar:
    """Return the application over this context. Its threads run from start to end, so a context is used once.

    Without a valid key or token, only health, open pages and errors are answered.
    """

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        context.access.start()
        context.producer_queue.start()
        context.feeder.start()
        context.search_feeder.start()
        context.probe.start()
        context.backlog.start()
        try:
            yield
        finally:
            await _end(context)

    app = GatewayApp(
        route_handlers=HANDLERS,
        guards=[context.access.check],
        dependencies={"context": Provide(lambda: context, sync_to_thread=False)},
        exception_handlers={Exception: answer},
        lifespan=[running],
        openapi_config=openapi_config(),
        cors_config=_cors(context.cors_origins),
        request_max_body_size=context.body_bytes,
        logging_config=None,
    )
    app.context = context
    return app


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """Return what pages of these origins may do: everything that their key or token allows; none without origins."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[KEY_HEADER, "Authorization", "Content-Type", "If-None-Match"],
        expose_headers=EXPOSED_HEADERS,
    )


async def _end(context: GatewayContext) -> None:
    """1 deliver queued posts, within the timeout of a post 2 end the threads."""
    await asyncio.to_thread(context.backlog.close, context.post_seconds)
    await asyncio.to_thread(context.producer_queue.close, context.post_seconds)
    await asyncio.to_thread(context.feeder.close, FEEDER_SECONDS)
    await asyncio.to_thread(context.search_feeder.close, FEEDER_SECONDS)
    await asyncio.to_thread(context.access.close, WRITER_SECONDS)
    context.similar_items.close()
    context.memory_recall.close()
    context.search.close()
    context.user_records.close()
    context.probe.close()
