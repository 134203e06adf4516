"""The gateway as an ASGI application: its handlers, and the threads that run beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.di import Provide

from deploy.gateway.access.auth import key_guard
from deploy.gateway.context import GatewayContext
from deploy.gateway.handlers.docs import openapi_config
from deploy.gateway.handlers.health import live, metrics, ready
from deploy.gateway.handlers.ids import read_whole_ids
from deploy.gateway.handlers.posts import delete_item, post_instructions, post_interactions, post_items
from deploy.gateway.handlers.reads import get_memories, get_recommendations, get_similar
from deploy.gateway.problems import answer

HANDLERS = (
    post_interactions,
    post_instructions,
    post_items,
    delete_item,
    get_recommendations,
    get_similar,
    get_memories,
    live,
    ready,
    metrics,
)
FEEDER_SECONDS = 2.0


class GatewayApp(Litestar):
    """The application; it decodes escapes in paths only after splitting them, so that ids may hold slashes."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        read_whole_ids(scope)
        await super().__call__(scope, receive, send)


def create_app(context: GatewayContext) -> Litestar:
    """Return the application over this context. Its threads run from start to end, so a context is used once.

    Without one of the context's keys, only health, metrics and the documentation are answered.
    """

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        context.producer_queue.start()
        context.feeder.start()
        context.probe.start()
        context.backlog.start()
        try:
            yield
        finally:
            await _end(context)

    return GatewayApp(
        route_handlers=HANDLERS,
        guards=[key_guard(context.keys)],
        dependencies={"context": Provide(lambda: context, sync_to_thread=False)},
        exception_handlers={Exception: answer},
        lifespan=[running],
        openapi_config=openapi_config(),
        request_max_body_size=context.body_bytes,
        logging_config=None,
    )


async def _end(context: GatewayContext) -> None:
    """1 deliver queued posts, within the timeout of a post 2 end the threads."""
    await asyncio.to_thread(context.backlog.close, context.post_seconds)
    await asyncio.to_thread(context.producer_queue.close, context.post_seconds)
    await asyncio.to_thread(context.feeder.close, FEEDER_SECONDS)
    context.similar_items.close()
    context.probe.close()
