"""`instructions`: a person decided something. It is remembered as stated and holds from the next list on."""

from __future__ import annotations

from msgspec.structs import replace

from agents.agent_state import apply_instruction
from features.user_state import has_seen, note
from schemas.ids import message_id
from schemas.instructions import BanCategory, Instruction, LessOf, MoreOf
from streams.handlers.deps import Deps
from streams.log.records import Source
from streams.outcomes.agent_messages import agent_messages
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_instruction(person: UserRecord, instruction: Instruction, source: Source, deps: Deps) -> RecordOutcome:
    """Apply one instruction: memory, constraints and a new plan, at once."""
    if has_seen(person.user, instruction.event_id):
        return RecordOutcome(person=replace(person, version=person.version + 1), list_due=False)
    user = note(person.user, instruction.event_id, instruction.event_time)
    obeyed = apply_instruction(
        person.agent,
        user,
        _spelled(instruction, deps),
        event_source_id=message_id(source.topic, source.partition, source.offset, "plan"),
    )
    return RecordOutcome(
        person=UserRecord(user=user, agent=obeyed.agent, version=person.version + 1),
        messages=agent_messages(obeyed),
        cause=instruction.event_id,
    )


def _spelled(instruction: Instruction, deps: Deps) -> Instruction:
    """The instruction, with its category in the catalogue's spelling."""
    if not isinstance(instruction, BanCategory | MoreOf | LessOf):
        return instruction
    return replace(instruction, category=deps.table.by_category.spelled(instruction.category))
