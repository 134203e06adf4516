"""What a person's agent did, as messages: changed memories and lines of the plan ledger."""

from __future__ import annotations

from agents.agent_state import AgentStep as Lived
from schemas.memories import memory_key
from schemas.topics import MEMORIES, PLANS
from streams.log.records import Message


def agent_messages(lived: Lived) -> tuple[Message, ...]:
    """Every changed memory under its own key in its person's partition, and every ledger entry."""
    memories = tuple(
        Message(MEMORIES, memory_key(memory.user_id, memory.memory_id), memory, owner=memory.user_id)
        for memory in lived.memories
    )
    return memories + tuple(Message(PLANS, entry.user_id, entry) for entry in lived.entries)
