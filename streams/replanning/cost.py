"""What planning costs: processor time per event of triggers, planner, guardrails and ledger."""

from __future__ import annotations

import time
from functools import partial

from agents.agent_state import AgentState, apply_event
from agents.planning.triggers import ALL_TRIGGERS
from features.user_state import UserState, fold
from inference.items.table import ItemTable
from schemas.codec import encode
from schemas.ids import UserId
from streams.backtest.config import EventLog

TIMED_EVENTS = 20_000


def planning_milliseconds(log: EventLog, table: ItemTable) -> float:
    """Return the milliseconds of processor time per event that planning costs, on average over the log's events.

    The users and agents of the log's first `TIMED_EVENTS` are folded without ranking, and every event is applied twice,
    with all triggers and with none, in alternating order; planning costs the difference. Ledger entries are encoded.
    """
    users: dict[UserId, tuple[UserState, AgentState]] = {}
    spent, events = 0.0, log.events[:TIMED_EVENTS]
    for number, (_, event) in enumerate(events):
        before, agent = users.get(event.user_id) or (UserState(user_id=event.user_id), AgentState())
        after = fold(before, event)
        item = getattr(event, "item_id", None)
        known = (table.categories(item), table.attributes(item)) if item else ((), ())
        apply = partial(apply_event, agent, before, after, event, *known, event_source_id=str(number))
        for triggers in (ALL_TRIGGERS, ()) if number % 2 else ((), ALL_TRIGGERS):
            began = time.process_time()
            step = apply(triggers=triggers)
            for entry in step.entries:
                encode(entry)
            took = time.process_time() - began
            spent += took if triggers else -took
            if triggers:
                users[event.user_id] = (after, step.agent)
    return 1e3 * spent / max(1, len(events))
