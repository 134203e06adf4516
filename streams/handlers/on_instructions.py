"""`instructions`: a user stated a decision, as a message or in words. It holds from the next list on."""

from __future__ import annotations

from msgspec.structs import replace

from agents.agent_state import PROPOSING, apply_instruction
from agents.instructions.names import Names
from agents.instructions.understanding import awaiting, understand
from features.user_state import has_seen, note
from schemas.ids import message_id
from schemas.instructions import BanCategory, Instruction, LessOf, LimitFact, MoreOf, OnlyCategory, Say, SetGoal
from streams.handlers.deps import Deps
from streams.log.records import RecordSource
from streams.outcomes.agent_messages import agent_messages
from streams.outcomes.record_outcome import RecordOutcome
from streams.state.user_record import UserRecord


def on_instruction(record: UserRecord, instruction: Instruction, source: RecordSource, deps: Deps) -> RecordOutcome:
    """Apply one instruction: it changes memories, constraints and the plan at once."""
    if has_seen(record.user, instruction.event_id):
        return RecordOutcome(record=replace(record, version=record.version + 1), list_due=False)
    user = note(record.user, instruction.event_id, instruction.event_time)
    reply = understand(_at_home(instruction, record), _names(deps)) if isinstance(instruction, Say) else None
    if reply is not None and record.agent.level("words") == PROPOSING:
        reply = awaiting(reply)
    step = apply_instruction(
        record.agent,
        record.user,
        user,
        _spelled(instruction, deps),
        understood=reply.understood if reply else None,
        event_source_id=message_id(source.topic, source.partition, source.offset, "plan"),
        triggers=deps.options.triggers,
        catalogue=deps.catalogue,
    )
    return RecordOutcome(
        record=replace(record, user=user, agent=step.agent, version=record.version + 1),
        messages=agent_messages(step),
        cause=instruction.event_id,
        reply=reply,
    )


def _at_home(said: Say, record: UserRecord) -> Say:
    """Return the words in the time zone that the user has set for offers, if they name none themselves."""
    offers = record.agent.offers
    return said if offers is None or said.time_zone != "UTC" else replace(said, time_zone=offers.rules.time_zone)


def _names(deps: Deps) -> Names:
    """Return the names that the user may mean: of every category, item, fact and value of an attribute that the
    worker knows now.
    """
    facts = deps.table.facts
    return Names(deps.table.by_category.names, deps.table.titles(), facts.names, facts.values)


def _spelled(instruction: Instruction, deps: Deps) -> Instruction:
    """Return the instruction with its categories as the catalogue spells them."""
    spelled = deps.table.by_category.spelled
    if isinstance(instruction, BanCategory | OnlyCategory):
        exceptions = tuple(
            replace(each, value=spelled(each.value)) if each.subject == "category" else each
            for each in instruction.exceptions
        )
        return replace(instruction, category=spelled(instruction.category), exceptions=exceptions)
    if isinstance(instruction, LimitFact):
        return replace(instruction, category=spelled(instruction.category)) if instruction.category else instruction
    if isinstance(instruction, SetGoal):
        return replace(instruction, category=instruction.category and spelled(instruction.category))
    if isinstance(instruction, MoreOf | LessOf):
        return replace(instruction, category=spelled(instruction.category))
    return instruction
