"""`plans`: a plan is followed from now on. A planner outside the worker may propose a better one."""

from __future__ import annotations

from agents.proposals import DEFAULT_AUTHORS
from schemas.codec import decode
from schemas.errors import DecodeError
from schemas.plans import PlanEntry
from schemas.topics import PLANS
from streams.log.records import Inbound


def plan_to_improve(record: Inbound) -> PlanEntry | None:
    """Return the ledger entry of a plan that the worker's own planner made and follows now; none of other entries.

    Raises:
        DecodeError: the record is no ledger entry.
    """
    if not record.value:
        raise DecodeError("empty", "a ledger entry without a value")
    entry: PlanEntry = decode(PLANS, record.value, now=record.timestamp)
    if entry.decision != "accepted" or entry.plan.author not in DEFAULT_AUTHORS or not entry.trigger_event_ids:
        return None
    return entry
