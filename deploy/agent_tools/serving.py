"""Serves tools to agents until they end: on standard input and output, or by streamable HTTP."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import uvicorn

from deploy.agent_tools.mcp_server import http_application, make_mcp_server, serve_stdio
from deploy.agent_tools.wiring import ToolboxOpener, issued_tokens, make_client
from deploy.gateway.access.scopes import UserScope
from deploy.monitoring.telemetry import serve_metrics
from deploy.monitoring.tool_metrics import ToolMetrics
from deploy.settings import Settings
from schemas.ids import UserId


def run_stdio(settings: Settings, user: UserId, scopes: tuple[UserScope, ...]) -> None:
    """Serve one agent for one user: `user`, or, if that is empty, the user of the setting `tools.token`.

    Raises:
        SettingsError: there is no key to have tokens issued with.
    """
    asyncio.run(_serve_one(settings, user, scopes))


async def _serve_one(settings: Settings, user: UserId, scopes: tuple[UserScope, ...]) -> None:
    async def given() -> str:
        return settings.tools.token.get_secret_value()

    async with make_client(settings) as client:
        own = issued_tokens(settings, client, user, scopes).token if user else given
        opener = ToolboxOpener(client, ToolMetrics(), allowed=settings.tools.allowed, own=own)
        await serve_stdio(make_mcp_server(opener, version=version("lifelong")))


def run_http(settings: Settings, host: str, port: int) -> None:
    """Serve any number of agents, each with the token of its user in the header `Authorization`."""
    asyncio.run(_serve_many(settings, host, port))


async def _serve_many(settings: Settings, host: str, port: int) -> None:
    serve_metrics(settings.tools.metrics_port)
    async with make_client(settings) as client:
        opener = ToolboxOpener(client, ToolMetrics(), allowed=settings.tools.allowed)
        application = http_application(make_mcp_server(opener, version=version("lifelong")), host=host)
        config = uvicorn.Config(application, host=host, port=port, log_config=None, access_log=False, ws="none")
        await uvicorn.Server(config).serve()
