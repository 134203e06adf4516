"""The planner process: reads the ledger of plans, asks a language model for better ones, and proposes them.

No list waits for it: the rule planner's plan is followed already, and stays unless a proposal passes the worker's
guards.

Offsets are committed before a model is asked: 1 poll 2 commit 3 ask 4 publish. So no plan is paid for twice, and what a
crash loses is a proposal. Of several plans of a user the newest counts, and one that is older than `latest_seconds` is
passed over: when the model is slow, plans are left out, and nothing queues up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from agents.actions.toolbox import Toolbox
from agents.llm.planner import LlmPlanner
from schemas.errors import DecodeError, ToolRefused
from schemas.ids import UserId
from schemas.plans import PlanEntry, PlanProposal, TriggerName
from schemas.topics import PLAN_PROPOSALS
from streams.log.dead_letters import dead_letter
from streams.log.ports import LogReader, Publisher
from streams.log.records import Inbound, Message
from streams.routes import PLANNER

logger = logging.getLogger(__name__)
LEDGER_POLL_SECONDS = 0.25
ENTRIES_AT_ONCE = 500


@dataclass(frozen=True)
class PlannerProcess:
    """The dependencies of the planner process, built by the wiring. `toolbox_of` opens the tools for a user."""

    reader: LogReader
    publisher: Publisher
    planner: LlmPlanner
    toolbox_of: Callable[[UserId], Awaitable[Toolbox]]
    triggers: frozenset[TriggerName]
    at_once: int
    latest_seconds: float
    passed_over: Callable[[int], None]
    clock: Callable[[], float]


def run(process: PlannerProcess, *, until: Callable[[], bool]) -> None:
    """Propose plans until `until` holds."""
    with asyncio.Runner() as runner:
        while not until():
            records = process.reader.poll(ENTRIES_AT_ONCE, LEDGER_POLL_SECONDS)
            if records:
                process.reader.commit()
                runner.run(propose_all(process, records))


async def propose_all(process: PlannerProcess, records: Sequence[Inbound]) -> None:
    """Ask for better plans than these ledger entries have, `at_once` together, and publish what is proposed."""
    entries = asked_for(process, records)
    for start in range(0, len(entries), process.at_once):
        part = [entry for entry, made in entries[start : start + process.at_once] if is_current(process, made)]
        process.passed_over(len(entries[start : start + process.at_once]) - len(part))
        for proposing in asyncio.as_completed([_propose(process, entry) for entry in part]):
            proposal = await proposing
            if proposal is not None:
                process.publisher.publish([Message(PLAN_PROPOSALS, proposal.user_id, proposal)])


def asked_for(process: PlannerProcess, records: Iterable[Inbound]) -> list[tuple[PlanEntry, float]]:
    """Return the newest plan of each user that asks for a better one, with the time of its record; oldest first."""
    newest: dict[UserId, tuple[PlanEntry, float] | None] = {}
    for record in records:
        try:
            entry = PLANNER[record.topic](record)
        except DecodeError as exc:
            process.publisher.publish([dead_letter(record, exc.reason, str(exc), process.clock())])
            continue
        if entry is not None:
            newest.pop(entry.user_id, None)
            newest[entry.user_id] = (entry, record.timestamp) if entry.trigger in process.triggers else None
    return [each for each in newest.values() if each is not None]


def is_current(process: PlannerProcess, made: float) -> bool:
    """Return whether a plan that was made at this wall-clock time is still worth improving."""
    return process.clock() - made <= process.latest_seconds


async def _propose(process: PlannerProcess, entry: PlanEntry) -> PlanProposal | None:
    try:
        toolbox = await process.toolbox_of(entry.user_id)
    except ToolRefused as exc:
        logger.warning("no tools for a plan: %s: %s", exc.fault, exc)
        process.planner.observer.concluded("tools-away", 0.0)
        return None
    return await process.planner.propose(entry, toolbox)
