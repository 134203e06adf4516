"""Messages that publish what a user's agent did: changed memories and entries of the plan ledger."""

from __future__ import annotations

from agents.agent_state import AgentStep
from schemas.memories import memory_key
from schemas.topics import MEMORIES, PLANS
from streams.log.records import Message


def agent_messages(step: AgentStep) -> tuple[Message, ...]:
    """Return every changed memory under its own key in its user's partition, then every ledger entry."""
    memories = tuple(
        Message(MEMORIES, memory_key(memory.user_id, memory.memory_id), memory, owner=memory.user_id)
        for memory in step.memories
    )
    return memories + tuple(Message(PLANS, entry.user_id, entry) for entry in step.entries)
