"""Messages that publish what a user's agent did: changed memories and entries of the plan ledger."""

from __future__ import annotations

from agents.agent_state import AgentStep
from schemas.memories import Memory, memory_key
from schemas.topics import MEMORIES, PLANS
from streams.log.records import Message


def memory_message(memory: Memory, *, is_withdrawn: bool = False) -> Message:
    """Return the message that publishes a memory under its own key in its user's partition, or withdraws it."""
    key = memory_key(memory.user_id, memory.memory_id)
    return Message(MEMORIES, key, None if is_withdrawn else memory, owner=memory.user_id)


def agent_messages(step: AgentStep) -> tuple[Message, ...]:
    """Return every changed memory under its own key in its user's partition, then every ledger entry."""
    return tuple(map(memory_message, step.memories)) + tuple(
        Message(PLANS, entry.user_id, entry) for entry in step.entries
    )
