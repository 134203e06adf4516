"""Settings of what agents may do beside planning by rules: tools, and a language model that proposes plans."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from agents.actions.registry import TOOLS
from deploy.settings.section import SettingsSection


class ToolSettings(SettingsSection):
    """Tools for agents outside: ``lifelong mcp``. They act through the gateway at ``gateway_url`` (empty: that of the
    section ``gateway``), with the token of one user: ``token``, or tokens that are issued with the first of
    ``gateway.api_keys``. Only tools of ``allowed`` can be called; empty: all.
    """

    gateway_url: str = ""
    token: SecretStr = SecretStr("")
    allowed: tuple[str, ...] = ()
    metrics_port: int = Field(default=0, ge=0, le=65535)

    @field_validator("allowed")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return known_tools(names)


def known_tools(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names; refuse those of no tool.

    >>> known_tools(("history",))
    ('history',)
    """
    known = [row.name for row in TOOLS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"there is no tool {unknown[0]!r}; there are {', '.join(known)}")
    return names
