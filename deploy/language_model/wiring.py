"""Builds the planner from the settings."""

from __future__ import annotations

import secrets
import time

import httpx

from agents.actions.service import NobodyThere
from agents.actions.toolbox import Toolbox, tools_for
from agents.llm.budgets import Budgets, Spent
from agents.llm.planner import LlmObserver, LlmPlanner, PlannerOptions
from deploy.agent_tools.gateway_service import GatewayReader
from deploy.agent_tools.user_access import IssuedTokens
from deploy.agent_tools.wiring import issued_tokens, make_client, make_context
from deploy.clients import make_cluster, make_publisher, wall_clock
from deploy.gateway.access.scopes import UserScope
from deploy.language_model.endpoint import ChatEndpoint
from deploy.language_model.sent_log import SENT_FILE, SentFile
from deploy.language_model.spending import SpendingFile
from deploy.monitoring.llm_metrics import PlannerMetrics
from deploy.monitoring.tool_metrics import ToolMetrics
from deploy.settings import LlmSettings, Settings
from features.circuit_breaker import CircuitBreaker
from schemas.ids import UserId
from streams.log.kafka_group import KafkaGroupReader
from streams.planner.process import PlannerProcess
from streams.routes import PLANNER

USERS_KEPT = 1_000
"""Users whose tokens are kept until shortly before their end."""
SCOPES: tuple[UserScope, ...] = ("lists", "memories")


def make_model(llm: LlmSettings) -> ChatEndpoint:
    """Return the language model that the settings name."""
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    if llm.key.get_secret_value():
        headers["Authorization"] = f"Bearer {llm.key.get_secret_value()}"
    client = httpx.AsyncClient(base_url=llm.url.rstrip("/") + "/", timeout=llm.plan_seconds, headers=headers)
    return ChatEndpoint(client, llm.model, temperature=llm.temperature)


def make_llm_planner(settings: Settings, observer: LlmObserver) -> LlmPlanner:
    """Return what asks the model for plans, with its budgets and its audit in the data directory."""
    llm, folder = settings.llm, settings.data_dir / "planner"
    budgets = Budgets(
        SpendingFile(folder / "spent.sqlite"),
        person=Spent(tokens=llm.person_tokens, seconds=llm.person_seconds, money=llm.person_money),
        everybody=Spent(tokens=llm.tokens, seconds=llm.seconds, money=llm.money),
        price_in=llm.price_in,
        price_out=llm.price_out,
    )
    return LlmPlanner(
        model=make_model(llm),
        budgets=budgets,
        breaker=CircuitBreaker(failures=llm.breaker_failures, seconds=llm.breaker_seconds, clock=time.monotonic),
        observer=observer,
        sent=SentFile(folder / SENT_FILE, megabytes=llm.sent_mb, files=llm.sent_files, clock=wall_clock),
        options=PlannerOptions(
            max_tokens=llm.max_tokens,
            plan_seconds=llm.plan_seconds,
            deadline_seconds=llm.deadline_seconds,
            tool_rounds=llm.tool_rounds,
            texts=llm.item_texts,
        ),
        monotonic=time.monotonic,
        wall=wall_clock,
        new_nonce=lambda: secrets.token_hex(8),
    )


class UserToolboxes:
    """Opens the tools of users while they are away: through the gateway, with a token of each user."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = make_client(settings)
        self._observer = ToolMetrics()
        self._tokens: dict[UserId, IssuedTokens] = {}

    async def __call__(self, user: UserId) -> Toolbox:
        """Return the tools that the setting `llm.tools` allows, for this user."""
        tokens = self._tokens.pop(user, None) or issued_tokens(self._settings, self._client, user, SCOPES)
        self._tokens[user] = tokens
        if len(self._tokens) > USERS_KEPT:
            del self._tokens[next(iter(self._tokens))]
        context = make_context(GatewayReader(self._client, user, tokens.token), NobodyThere())
        rows = tools_for(SCOPES, allowed=self._settings.llm.tools, with_user=False)
        return Toolbox(rows, context, observer=self._observer, clock=time.monotonic)


def make_planner(settings: Settings, metrics: PlannerMetrics) -> PlannerProcess:
    """Build everything that the planner process runs on."""
    llm = settings.llm
    return PlannerProcess(
        reader=KafkaGroupReader(make_cluster(settings), tuple(PLANNER), group=llm.group, newest=True),
        publisher=make_publisher(settings),
        planner=make_llm_planner(settings, metrics),
        toolbox_of=UserToolboxes(settings),
        triggers=frozenset(llm.triggers),
        at_once=llm.at_once,
        latest_seconds=llm.latest_seconds,
        passed_over=metrics.passed_over,
        clock=wall_clock,
    )
