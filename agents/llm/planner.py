"""Asks a language model for a plan instead of one that the rule planner made; what it answers is a proposal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from agents.actions.toolbox import Toolbox
from agents.actions.tools.history import UserHistory
from agents.actions.tools.recall_memories import RecalledMemories
from agents.llm.budgets import Budgets, Spent
from agents.llm.conversation import ModelConversation, SentLog
from agents.llm.ports import LanguageModel
from agents.llm.prompt import MEMORIES_SENT, plan_messages, weighable
from features.circuit_breaker import CircuitBreaker
from features.decay import DAY
from schemas.errors import LanguageFault, LanguageModelFailed, ToolRefused
from schemas.ids import EventId
from schemas.plans import Plan, PlanEntry, PlanProposal, ProposalCost

ProposalOutcome = Literal["proposed", "nothing-to-weigh", "unchanged", "tools-away", LanguageFault]
HISTORY_READ = 10


class PlannerOptions(Struct, frozen=True, kw_only=True):
    """Limits of one plan. `tools` may be called in up to `tool_rounds` answers before the plan; `texts` says whether
    texts of third parties are sent. A proposal is to be followed within `deadline_seconds` of the user's event time.
    """

    max_tokens: int = 400
    plan_seconds: float = 30.0
    deadline_seconds: float = 600.0
    tool_rounds: int = 1
    texts: bool = False


class LlmObserver(Protocol):
    """Receives what was asked of a model and what came of it."""

    def completed(self, outcome: LanguageFault | None, spent: Spent, *, breaker_open: bool) -> None:
        """Observe a call of the model: why it failed, none if it answered, and what it cost."""
        ...

    def concluded(self, outcome: ProposalOutcome, seconds: float) -> None:
        """Observe what came of a plan that was asked for."""
        ...


@dataclass(frozen=True)
class LlmPlanner:
    """The dependencies of asking for plans. `monotonic` measures seconds, `wall` tells the day of a budget."""

    model: LanguageModel
    budgets: Budgets
    breaker: CircuitBreaker
    observer: LlmObserver
    sent: SentLog
    options: PlannerOptions
    monotonic: Callable[[], float]
    wall: Callable[[], float]
    new_nonce: Callable[[], str]

    async def propose(self, entry: PlanEntry, toolbox: Toolbox) -> PlanProposal | None:
        """Return a proposal instead of the plan of a ledger entry; none, for whatever reason, leaves that plan.

        Never raises for what the model or a tool does, and takes `plan_seconds` at most.
        """
        began = self.monotonic()
        talk = ModelConversation(self, entry, toolbox, day=int(self.wall() // DAY))
        plan: Plan | None = None
        try:
            async with asyncio.timeout(self.options.plan_seconds):
                plan, outcome = await self._plan(entry, toolbox, talk)
        except TimeoutError:
            outcome = "slow"
            self.breaker.failed()
        except LanguageModelFailed as exc:
            outcome = exc.fault
        except ToolRefused:
            outcome = "tools-away"
        self.observer.concluded(outcome, self.monotonic() - began)
        return self._proposal(entry, plan, talk.spent) if plan is not None else None

    async def _plan(
        self, entry: PlanEntry, toolbox: Toolbox, talk: ModelConversation
    ) -> tuple[Plan | None, ProposalOutcome]:
        recalled = await toolbox.call("recall_memories", {"n": 4 * MEMORIES_SENT})
        past = await toolbox.call("history", {"n": HISTORY_READ})
        assert isinstance(recalled, RecalledMemories)
        assert isinstance(past, UserHistory)
        memories = weighable(recalled.memories, talk.handles)
        if not memories:
            return None, "nothing-to-weigh"
        texts = self.options.texts
        if texts:
            talk.has_read([item.title for item in past.items])
        messages = plan_messages(
            entry, recalled.memories, past.items, talk.handles, nonce=self.new_nonce(), texts=texts
        )
        plan = await talk.plan(messages, memories)
        return plan, "unchanged" if plan is None else "proposed"

    def _proposal(self, entry: PlanEntry, plan: Plan, spent: Spent) -> PlanProposal:
        return PlanProposal(
            user_id=entry.user_id,
            event_time=entry.event_time,
            plan=plan,
            answers=entry.plan.plan_id,
            deadline=entry.event_time + self.options.deadline_seconds,
            trigger=entry.trigger,
            trigger_event_id=EventId(entry.trigger_event_ids[0]),
            cost=ProposalCost(tokens=spent.tokens, seconds=spent.seconds, money=spent.money),
        )
