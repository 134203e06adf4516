"""What an instruction does to the user's memories."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from agents.memory.operations import Learned, Memories, PreferenceSignal, SignalCause, excepted_key, learn
from agents.memory.withdrawals import forget, retract, take_back
from features.recurring_times import WEEKDAYS
from schemas.ids import UserId
from schemas.instructions import (
    Approve,
    BanCategory,
    BanItem,
    Forget,
    Instruction,
    LessOf,
    Lift,
    LiftAll,
    LiftGoal,
    LimitFact,
    MoreOf,
    OnlyCategory,
    PinItem,
    RecurringTime,
    Reject,
    Remember,
    Say,
    SetAutonomy,
    SetGoal,
    Undo,
)
from schemas.memories import Predicate, Subject

INSTRUCTION_STRENGTH = 3.0
"""The strength of the memory that one instruction writes: that of six clicks."""

Statement = BanItem | BanCategory | PinItem | MoreOf | LessOf | OnlyCategory
"""Statements about one category or item."""


def obey(memories: Memories, instruction: Instruction, now: float, sweep_at: float = 0.0) -> Learned:
    """Return what an instruction does to the user's memories. Words alone, and what is said of goals, plans and
    the agent, do nothing to them.

    `sweep_at` is as in `agents.memory.operations.learn`.

    >>> ban = BanItem(event_id="e", user_id="u", event_time=1e9, item_id="i")
    >>> [(memory.predicate, memory.value) for memory in obey({}, ban, now=1e9).changed]
    [('bans', 'i')]
    """
    match instruction:
        case Lift(value=value):
            return retract(memories, value, instruction.event_time, now)
        case LiftAll():
            return retract(memories, None, instruction.event_time, now)
        case Undo():
            return take_back(memories, instruction.event_time, now)
        case Forget(memory_id=memory_id):
            return forget(memories, memory_id, now)
        case Say() | SetAutonomy() | SetGoal() | LiftGoal() | Approve() | Reject():
            return Learned(memories, sweep_at=sweep_at)
        case _:
            cause = SignalCause(UserId(instruction.user_id), instruction.event_id, instruction.event_time, now)
            return learn(memories, _signals(instruction), cause, sweep_at)


def _signals(instruction: Statement | LimitFact | Remember) -> tuple[PreferenceSignal, ...]:
    """Return what the statement says, a limit for each of its sides."""
    strength, until = INSTRUCTION_STRENGTH, instruction.until
    if isinstance(instruction, Remember):
        subject, predicate, value = instruction.subject, instruction.predicate, instruction.value
        attribute = instruction.attribute if subject == "attribute" else ""
        signal = PreferenceSignal(
            subject, predicate, value, strength, "stated", attribute=attribute, until=until, instructed=True
        )
        return (signal,)
    if not isinstance(instruction, LimitFact):
        exceptions = instruction.exceptions if isinstance(instruction, BanCategory | OnlyCategory) else ()
        exceptions = tuple(sorted(set(exceptions), key=excepted_key))
        when = instruction.when if isinstance(instruction, BanItem | BanCategory | OnlyCategory) else None
        about = PreferenceSignal(*_said(instruction), strength, "stated", until=until)
        return (replace(about, exceptions=exceptions, when=_in_order(when)),)
    fact, sides = instruction.fact, (("at-least", instruction.at_least), ("at-most", instruction.at_most))
    about = PreferenceSignal(
        "fact", "limits", "", strength, "stated", attribute=fact, context=instruction.category or "", until=until
    )
    about = replace(about, when=_in_order(instruction.when))
    return tuple(replace(about, value=side, bound=bound) for side, bound in sides if bound is not None)


def _in_order(when: RecurringTime | None) -> RecurringTime | None:
    """Return the time with its days in the order of the week, each once."""
    return replace(when, days=tuple(day for day in WEEKDAYS if day in when.days)) if when else None


def _said(instruction: Statement) -> tuple[Subject, Predicate, str]:
    match instruction:
        case BanItem(item_id=item):
            return "item", "bans", item
        case PinItem(item_id=item):
            return "item", "pins", item
        case BanCategory(category=name):
            return "category", "bans", name
        case MoreOf(category=name):
            return "category", "wants-more", name
        case LessOf(category=name):
            return "category", "wants-less", name
        case OnlyCategory(category=name):
            return "category", "wants-only", name
        case _:
            assert_never(instruction)
