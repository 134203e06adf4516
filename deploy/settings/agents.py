"""Settings of agents: when they plan, their tools, and a language model that proposes plans."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator, model_validator

from agents.actions.registry import TOOLS
from agents.planning.triggers import ALL_TRIGGERS
from deploy.settings.section import SettingsSection
from schemas.plans import TriggerName


class AgentSettings(SettingsSection):
    """When the users' agents plan anew: at each of these ``triggers``; with none of them they make no plan.
    Memories, and what users say, count for lists all the same. ``lifelong evaluate planning`` measures the worth of it.
    """

    triggers: tuple[TriggerName, ...] = ALL_TRIGGERS


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


LLM_TOOLS = (
    "recall_memories",
    "history",
    "search_items",
    "similar_items",
    "trending_items",
    "item_facts",
    "availability",
)
"""Tools that a language model may call by default: those that only read, and find something without texts of others."""


class LlmSettings(SettingsSection):
    """A language model that proposes plans: any endpoint with OpenAI's interface for chats. The process ``planner``
    runs if it is ``enabled``, and asks ``model`` at ``url`` (such as ``https://host/v1``) with ``key``; no list waits.

    It is asked after the plans of ``triggers``, for ``at_once`` users together. One plan may take ``plan_seconds``
    and answers of ``max_tokens``; in up to ``tool_rounds`` of them the model may call ``tools``. ``item_texts`` sends
    titles and texts of items, which third parties wrote. A proposal is followed within ``deadline_seconds`` of the
    user's event time, and plans older than ``latest_seconds`` are passed over.

    Daily budgets (UTC), 0 sets none: ``person_…`` of each user, the others of everybody; prices are per million tokens,
    in the currency of the budgets. After ``breaker_failures`` in a row the model is left alone for
    ``breaker_seconds``. What was sent is kept in ``sent_files`` of ``sent_mb``.
    """

    enabled: bool = False
    url: str = ""
    model: str = ""
    key: SecretStr = SecretStr("")
    triggers: tuple[TriggerName, ...] = ("session-start", "taste-drift", "skip-run", "contradiction")
    tools: tuple[str, ...] = LLM_TOOLS
    tool_rounds: int = Field(default=1, ge=0, le=8)
    item_texts: bool = False
    at_once: int = Field(default=4, ge=1, le=64)
    max_tokens: int = Field(default=400, ge=16)
    temperature: float = Field(default=0.0, ge=0, le=2)
    plan_seconds: float = Field(default=30.0, gt=0)
    latest_seconds: float = Field(default=60.0, gt=0)
    deadline_seconds: float = Field(default=600.0, gt=0)
    person_tokens: float = Field(default=50_000.0, ge=0)
    person_seconds: float = Field(default=300.0, ge=0)
    person_money: float = Field(default=0.0, ge=0)
    tokens: float = Field(default=2_000_000.0, ge=0)
    seconds: float = Field(default=86_400.0, ge=0)
    money: float = Field(default=0.0, ge=0)
    price_in: float = Field(default=0.0, ge=0)
    price_out: float = Field(default=0.0, ge=0)
    breaker_failures: int = Field(default=3, ge=1)
    breaker_seconds: float = Field(default=30.0, gt=0)
    sent_mb: float = Field(default=50.0, ge=0.01)
    sent_files: int = Field(default=5, ge=2)
    group: str = "lifelong-planner"
    metrics_port: int = Field(default=0, ge=0, le=65535)

    @field_validator("tools")
    @classmethod
    def _readable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return known_tools(names)

    @model_validator(mode="after")
    def _complete(self) -> LlmSettings:
        if self.enabled and not (self.url.startswith(("http://", "https://")) and self.model):
            raise ValueError("llm.enabled needs llm.url, which begins with http:// or https://, and llm.model")
        return self
