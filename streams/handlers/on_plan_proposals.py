"""`plan-proposals`: a planner outside the worker proposes a plan. It is judged like every plan, as of now."""

from __future__ import annotations

from msgspec.structs import replace

from agents.planning.plan import DEFAULT_SLATE_SIZE
from agents.proposals import judge
from schemas.ids import message_id
from schemas.plans import PlanProposal
from streams.handlers.deps import Deps
from streams.log.records import RecordSource
from streams.outcomes.agent_messages import agent_messages
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_plan_proposal(record: UserRecord, proposal: PlanProposal, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Follow the plan if it passes, and rank anew; refused, nothing but the ledger changes.

    What is proposed for users who have had no event is passed over.
    """
    del deps
    if not record.user.last_at:
        return RecordOutcome(record=record, list_due=False)
    step = judge(
        record.agent,
        record.user,
        proposal,
        event_source_id=message_id(source.topic, source.partition, source.offset, "plan"),
        slate_size=DEFAULT_SLATE_SIZE,
    )
    return RecordOutcome(
        record=replace(record, agent=step.agent, version=record.version + 1),
        messages=agent_messages(step),
        cause=proposal.trigger_event_id,
        list_due=step.agent.plan != record.agent.plan,
    )
