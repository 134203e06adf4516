"""Laws that hold for an agent whatever a user does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.agent_state import AgentState, AgentStep
from agents.explanations import Explainer, is_supported
from agents.memory.consolidation import MOST_CONSOLIDATED, consolidated
from agents.memory.forgetting import DECISION_LIMITS, FADING_CAPACITY, INFERRED_ATTRIBUTES
from agents.memory.record import AGAINST, FOR, MAX_EVIDENCE
from agents.planning.guardrails import check_slate, strike
from agents.preferences import preferences_of
from schemas.ids import EventId, ItemId, UserId
from schemas.instructions import (
    BanCategory,
    BanItem,
    LessOf,
    Lift,
    LimitFact,
    MoreOf,
    OnlyCategory,
    PinItem,
    Remember,
    Undo,
)
from schemas.interactions import Click, Dislike, Dwell, Hide, Impression, Like, Purchase, Rating, Search, Skip, View
from schemas.memories import Memory
from schemas.plans import Constraints, PlanEntry
from tests.unit.agents.scenarios import CATALOGUE, DAY, START, Life, after

ITEMS = st.sampled_from([*CATALOGUE, "unknown"])
CATEGORIES = st.sampled_from(["jazz", "folk", "rock", "war"])
FACTS = st.sampled_from(["price", "year"])
OPINIONS = st.sampled_from(["likes", "dislikes"])
BOUNDS = st.sampled_from([1.0, 2.0, 3.0])
OF_ITEM = st.sampled_from([View, Click, Purchase, Like, Like, Dislike, Hide, Skip, BanItem, PinItem])
OF_CATEGORY = st.sampled_from([BanCategory, MoreOf, LessOf, OnlyCategory])


@st.composite
def events_of_a_user(draw: st.DrawFn) -> Any:
    """Draw an interaction or an instruction, at any time within 200 days, in no order."""
    fields = {
        "event_id": EventId(f"e{draw(st.integers(0, 10**6))}"),
        "user_id": UserId("u1"),
        "event_time": START + draw(st.one_of(st.floats(0.0, 3_600.0), st.floats(0.0, 200 * DAY))),
    }
    item = {"item_id": ItemId(draw(ITEMS))}
    kinds = [
        draw(OF_ITEM)(**fields, **item),
        Rating(**fields, **item, value=draw(st.floats(0.5, 5.0))),
        Dwell(**fields, **item, seconds=draw(st.floats(0.0, 300.0))),
        Search(**fields, query="jazz"),
        Impression(**fields, items=tuple(map(ItemId, draw(st.lists(ITEMS, min_size=1, max_size=5))))),
        draw(OF_CATEGORY)(**fields, category=draw(CATEGORIES)),
        LimitFact(**fields, fact=draw(FACTS), at_most=draw(BOUNDS), at_least=draw(st.none() | BOUNDS)),
        Lift(**fields, value=draw(st.one_of(CATEGORIES, ITEMS, FACTS))),
        Remember(**fields, predicate=draw(OPINIONS), value=draw(CATEGORIES)),
        Undo(**fields),
    ]
    return draw(st.sampled_from(kinds))


def by_name(memory: Memory) -> str:
    return memory.memory_id


def without_traits(memories: Iterable[Memory]) -> list[Memory]:
    return [replace(memory, traits=()) for memory in memories if not memory.parts]


FADED = View(event_id="late", user_id="u1", event_time=1740718661.0, item_id="jazz-1")
"""Comes when what five views left is about to be forgotten: it reinforces that."""
LIVES = st.lists(events_of_a_user(), max_size=40, unique_by=lambda event: event.event_id)


def all_memories(agent: AgentState) -> tuple[Memory, ...]:
    return (*agent.memories, *agent.dormant)


@given(LIVES, st.integers(0, 40))
def test_storing_the_agent_state_between_two_batches_changes_nothing(events: list[Any], cut: int) -> None:
    whole = after(Life(), events)
    first = after(Life(), events[:cut])
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(first.agent), type=AgentState)
    assert stored == first.agent
    second = after(Life(first.state, stored), events[cut:])
    assert second.agent == whole.agent
    assert (*first.steps, *second.steps) == whole.steps


@given(LIVES)
def test_consolidated_memories_follow_from_the_others_alone_whenever_they_were_written(events: list[Any]) -> None:
    for step in after(Life(attributed=True), events).steps:
        memories = all_memories(step.agent)
        wholes = {memory.memory_id: memory for memory in memories if memory.parts}
        assert wholes == consolidated(reversed(memories))
        by_id = {memory.memory_id: memory for memory in memories}
        assert all(by_id[part].state == "active" for whole in wholes.values() for part in whole.parts)


@given(LIVES, st.integers(0, 40))
@example([*(View(event_id=f"e{n}", user_id="u1", event_time=1728e6, item_id="jazz-1") for n in range(5)), FADED], 5)
def test_memories_of_earlier_rules_are_resynthesised_from_stored_evidence_as_the_log_has_them(
    events: list[Any], cut: int
) -> None:
    first, whole = after(Life(attributed=True), events[:cut]), after(Life(attributed=True), events)
    plain = [tuple(m for m in mine if not m.parts) for mine in (first.agent.memories, first.agent.dormant)]
    earlier = replace(first.agent, memories=plain[0], dormant=plain[1], memory_rules=0)
    now = after(replace(first, agent=earlier), events[cut:]).agent
    if events[cut:]:
        assert sorted(all_memories(now), key=by_name) == sorted(all_memories(whole.agent), key=by_name)


@given(LIVES)
def test_memories_stay_within_their_bounds(events: list[Any]) -> None:
    life = after(Life(), events)
    for memory in all_memories(life.agent):
        assert memory.recorded_to is None
        assert 1 <= len(memory.evidence) <= MAX_EVIDENCE
        assert memory.strength > 0.0
    assert len(all_memories(life.agent)) <= MOST_CONSOLIDATED + sum(FADING_CAPACITY.values()) + sum(
        DECISION_LIMITS.values()
    )


@given(LIVES)
def test_no_two_contradicting_memories_are_both_active(events: list[Any]) -> None:
    for step in after(Life(attributed=True), events).steps:
        sides = {(m.subject, m.attribute, m.value, m.context, m.predicate in FOR) for m in step.agent.memories}
        assert not [side for side in sides if (*side[:-1], not side[-1]) in sides]
        assert {m.predicate for m in step.agent.memories} <= FOR | AGAINST | {"limits"}


@given(LIVES)
def test_published_memories_add_up_to_those_of_the_agent(events: list[Any]) -> None:
    life = after(Life(attributed=True), events)
    published = {memory.memory_id: memory for step in life.steps for memory in step.memories}
    assert {memory_id: m for memory_id, m in published.items() if m.recorded_to is None} == {
        memory.memory_id: memory for memory in all_memories(life.agent)
    }


@given(LIVES)
def test_every_plan_obeys_the_users_constraints(events: list[Any]) -> None:
    for step in after(Life(), events).steps:
        active = {(m.predicate, m.subject, m.value) for m in step.agent.memories}
        for predicate, subject, value in active:
            if predicate == "bans":
                constraints = step.agent.constraints
                assert value in (constraints.banned_items if subject == "item" else constraints.banned_categories)
        if step.agent.plan is not None:
            assert step.agent.plan.constraints == step.agent.constraints


@given(LIVES)
def test_an_instruction_makes_a_plan_at_once(events: list[Any]) -> None:
    for event, step in zip(events, after(Life(), events).steps, strict=True):
        if isinstance(event, BanItem | BanCategory | PinItem | MoreOf | LessOf | OnlyCategory | LimitFact | Lift):
            assert step.trigger == "instruction"
            assert step.entries[-1].decision == "accepted"


@given(LIVES)
def test_every_plan_begins_and_ends_once_in_the_ledger(events: list[Any]) -> None:
    life = after(Life(), events)
    entries: list[PlanEntry] = [entry for step in life.steps for entry in step.entries]
    assert len({entry.entry_id for entry in entries}) == len(entries)
    begun = [entry.plan.plan_id for entry in entries if entry.decision == "accepted"]
    ended = [entry.plan.plan_id for entry in entries if entry.decision in ("superseded", "expired")]
    going_on = [life.agent.plan.plan_id] if life.agent.plan else []
    assert begun == [*ended, *going_on]


@given(LIVES)
def test_whatever_explains_an_item_is_remembered_and_weighs_for_it_in_the_ranking(events: list[Any]) -> None:
    agent = after(Life(), events).agent
    explainer, numbers = Explainer(agent.plan, agent.memories), preferences_of(agent.plan, agent.memories, 0.0)
    for item, categories in CATALOGUE.items():
        reason = explainer.item(ItemId(item), categories)
        if reason is not None:
            weights = [weight for name, weight in numbers.item_weights if name == item]
            weights += [weight for name, weight in numbers.intent_weights if name in categories]
            assert is_supported(reason, agent.memories)
            assert max(weights) > 0.0


@given(
    st.lists(st.sampled_from([ItemId(name) for name in [*CATALOGUE, "withdrawn"]]), max_size=12),
    st.sets(st.sampled_from(list(CATALOGUE))),
    st.sets(CATEGORIES),
)
def test_nothing_banned_or_withdrawn_survives_the_check_of_a_list(
    slate: list[ItemId], items: set[str], categories: set[str]
) -> None:
    constraints = Constraints(banned_items=tuple(sorted(items)), banned_categories=tuple(sorted(categories)))
    available = {ItemId(name): of for name, of in CATALOGUE.items()}
    allowed = strike(slate, constraints, available)
    assert check_slate(allowed, constraints, available) == ()
    assert not items & set(allowed)
    assert not [item for item in allowed if categories & set(available[item])]
    assert "withdrawn" not in allowed


@settings(max_examples=20)
@given(LIVES)
def test_an_agent_step_is_a_function_of_its_arguments(events: list[Any]) -> None:
    def steps() -> tuple[AgentStep, ...]:
        return after(Life(), events).steps

    assert steps() == steps()


@given(LIVES)
def test_attributes_of_items_are_remembered_and_change_no_plan_and_no_other_memory(events: list[Any]) -> None:
    plain, attributed = after(Life(), events), after(Life(attributed=True), events)
    for before, now in zip(plain.steps, attributed.steps, strict=True):
        assert (now.agent.plan, now.entries, now.trigger) == (before.agent.plan, before.entries, before.trigger)
        assert (now.agent.profile, now.agent.drift) == (before.agent.profile, before.agent.drift)
        for mine, theirs in ((now.agent.memories, before.agent.memories), (now.agent.dormant, before.agent.dormant)):
            assert without_traits(m for m in mine if m.subject != "attribute") == without_traits(theirs)
    agents, at = (plain.agent, attributed.agent), attributed.state.last_at
    mine, theirs = (preferences_of(agent.plan, agent.memories, at) for agent in agents)
    assert mine == theirs
    remembered = [m for m in all_memories(attributed.agent) if m.subject == "attribute" and not m.parts]
    assert len(remembered) <= INFERRED_ATTRIBUTES
