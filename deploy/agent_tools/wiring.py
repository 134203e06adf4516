"""Chooses what the tools of an agent act through, and with whose permissions."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence

import httpx

from agents.actions.service import ToolContext, UserDialogue
from agents.actions.toolbox import Toolbox, ToolObserver, tools_for
from deploy.agent_tools.gateway_service import Bearer, GatewayItems, GatewayKnowledge, GatewayReader, GatewayUser
from deploy.agent_tools.user_access import IssuedTokens, authorised_by
from deploy.clients import wall_clock
from deploy.gateway.access.scopes import USER_SCOPES, UserScope
from deploy.settings import Settings, SettingsError
from schemas.ids import UserId

GATEWAY_SECONDS = 4.0
"""How long the gateway may take: less than a call of a tool."""


def make_client(settings: Settings) -> httpx.AsyncClient:
    """Return a client of the gateway that the settings name; it goes through no proxy."""
    url = settings.tools.gateway_url or settings.gateway.url
    return httpx.AsyncClient(
        base_url=url, timeout=GATEWAY_SECONDS, trust_env=False, verify=ssl.create_default_context()
    )


def make_context(reader: GatewayReader, dialogue: UserDialogue) -> ToolContext:
    """Return what tools act through for the user of a reader."""
    return ToolContext(
        items=GatewayItems(reader), user=GatewayUser(reader), knowledge=GatewayKnowledge(reader), dialogue=dialogue
    )


def issued_tokens(
    settings: Settings, client: httpx.AsyncClient, user: UserId, scopes: Sequence[UserScope] = USER_SCOPES
) -> IssuedTokens:
    """Return tokens of a user that the gateway issues with the first key of the settings.

    Raises:
        SettingsError: there is no key.
    """
    if not settings.gateway.api_keys:
        raise SettingsError(
            "settings tools.token and gateway.api_keys are empty: one of them is needed to act for a user"
        )
    key = settings.gateway.api_keys[0].get_secret_value()
    return IssuedTokens(client, key=key, user=user, scopes=tuple(scopes), clock=wall_clock)


class ToolboxOpener:
    """Opens the tools that a user's token reaches."""

    def __init__(
        self, client: httpx.AsyncClient, observer: ToolObserver, *, allowed: tuple[str, ...], own: Bearer | None = None
    ) -> None:
        self._client, self._observer, self._allowed, self._own = client, observer, allowed, own

    async def __call__(self, token: str, dialogue: UserDialogue) -> Toolbox:
        """Return the tools for a token: that of the caller, unless this server acts for one user by its `own`.

        Raises:
            ToolRefused: it is no token of a user, or none is issued.
        """
        if self._own is not None:
            token = await self._own()
        authorised = authorised_by(token)

        async def bearer() -> str:
            return token

        reader = GatewayReader(self._client, authorised.user, bearer)
        return Toolbox(
            tools_for(authorised.scopes, allowed=self._allowed),
            make_context(reader, dialogue),
            observer=self._observer,
            clock=time.monotonic,
        )
