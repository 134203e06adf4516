"""Which of the memories about one value hold: contradictions are settled, and newer statements replace older ones."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from agents.memory.record import AGAINST, FOR, REPLACED_PREDICATES, faded
from schemas.ids import MemoryId, category_key
from schemas.instructions import RecurringTime
from schemas.memories import Memory, MemoryState

UNDECIDED_SHARE = 0.1
"""Two inferred opposites within this share of each other are undecided."""


def settle(group: list[Memory], now: float) -> list[Memory]:
    """Return the group with its contradiction settled: one side stays active, or none while they are undecided.

    Stated outranks inferred; of two statements the newer holds, of two at the same instant the negative one; of two
    inferences the stronger as of `now`, and within `UNDECIDED_SHARE` of each other both are unresolved. What is in
    doubt is unresolved too, and decides nothing; something against it that is in no doubt makes it stale.

    >>> from agents.memory.operations import PreferenceSignal, SignalCause, begin
    >>> from schemas.ids import EventId, UserId
    >>> cause = SignalCause(UserId("u"), EventId("e"), 9.0, 9.0)
    >>> likes = begin(PreferenceSignal("category", "likes", "jazz", 0.5), cause)
    >>> dislikes = begin(PreferenceSignal("category", "dislikes", "jazz", 1.0), cause)
    >>> [memory.state for memory in settle([likes, dislikes], now=9.0)]
    ['stale', 'active']
    """
    sure = [memory for memory in group if memory.doubted_from is None]
    if len(sure) < len(group):
        return [*settle(sure, now), *_in_doubt(group, sure, now)]
    pro = [memory for memory in group if memory.predicate in FOR]
    con = [memory for memory in group if memory.predicate in AGAINST]
    if not pro or not con:
        return [put_state(memory, "active", now) for memory in group]
    lead = _lead(pro, con, now)
    if lead == 0:
        return [put_state(memory, "unresolved", now) for memory in group]
    winners = FOR if lead > 0 else AGAINST
    return [put_state(memory, "active" if memory.predicate in winners else "stale", now) for memory in group]


def is_replaceable(memory: Memory) -> bool:
    """Return whether a newer statement may replace it, see `replaced`."""
    return memory.predicate in REPLACED_PREDICATES or (memory.predicate == "bans" and memory.subject == "category")


def replaced(memories: Iterable[Memory]) -> frozenset[MemoryId]:
    """Return which of these statements a newer one of the same time of the week, if any, replaces, in whatever time
    zone: limits of the same fact, side and category, what alone is wanted, and bans of the same category with other
    exceptions. What one instruction states, however much, stands together.

    >>> replaced(())
    frozenset()
    """
    newest: dict[tuple[str, ...], tuple[float, str]] = {}
    stated = [(memory, _statement_key(memory), (memory.recorded_from, memory.evidence[-1])) for memory in memories]
    for _, key, when in stated:
        newest[key] = max(when, newest.get(key, when))
    return frozenset(memory.memory_id for memory, key, when in stated if when < newest[key])


def _statement_key(memory: Memory) -> tuple[str, ...]:
    time = time_key(memory.when and replace(memory.when, time_zone="UTC"))
    match memory.predicate:
        case "limits":
            return memory.predicate, time, memory.attribute, memory.value, category_key(memory.context)
        case "bans":
            return memory.predicate, time, category_key(memory.value)
        case _:
            return memory.predicate, time


def time_key(when: RecurringTime | None) -> str:
    """Return what tells times of the week apart; empty for none.

    >>> time_key(RecurringTime(days=("sunday", "friday"), starts="18:00"))
    'friday+sunday 18:00-00:00 UTC'
    """
    return f"{'+'.join(sorted(set(when.days)))} {when.starts}-{when.ends} {when.time_zone}" if when else ""


def _in_doubt(group: list[Memory], sure: list[Memory], now: float) -> list[Memory]:
    sides = {memory.predicate in FOR for memory in sure}
    return [
        put_state(memory, "stale" if (memory.predicate in AGAINST) in sides else "unresolved", now)
        for memory in group
        if memory.doubted_from is not None
    ]


def _lead(pro: list[Memory], con: list[Memory], now: float) -> float:
    """Return above zero if what speaks for the value holds, below zero if what speaks against it, zero if undecided."""
    stated_pro, stated_con = _last_stated(pro), _last_stated(con)
    if stated_pro is not None or stated_con is not None:
        return 1.0 if stated_con is None or (stated_pro is not None and stated_pro > stated_con) else -1.0
    left, right = (sum(faded(memory, now) for memory in side) for side in (pro, con))
    return left - right if abs(left - right) > UNDECIDED_SHARE * max(left, right) else 0.0


def _last_stated(side: list[Memory]) -> float | None:
    return max((memory.recorded_from for memory in side if memory.source == "stated"), default=None)


def put_state(memory: Memory, state: MemoryState, now: float) -> Memory:
    """Return the memory in this state, and since when, if it is stale."""
    if memory.state == state:
        return memory
    return replace(memory, state=state, valid_to=now if state == "stale" else None)
