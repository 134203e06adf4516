"""Consolidation: beliefs that agree become one with joint evidence, its parts stay, and it ends with them."""

from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace

from agents.agent_state import AgentState, apply_event
from agents.memory.consolidation import MOST_CONSOLIDATED, consolidated
from agents.memory.operations import PreferenceSignal, SignalCause, begin, learn
from agents.memory.record import MEMORY_RULES, NEVER, fades_at, half_life
from agents.memory.withdrawals import forget, retract
from agents.preferences import preferences_of
from features.user_state import UserState, fold
from schemas.ids import EventId, MemoryId
from schemas.instructions import BanCategory, Forget, Lift, Remember, Undo
from schemas.interactions import Click, Hide, Like, Purchase, Search
from schemas.memories import Memory
from streams.state.user_page import page_of
from streams.state.user_record import UserRecord
from tests.unit.agents.scenarios import DAY, HITCHCOCK, START, USER, Life, after, believes, event

FILMS, OTHERS = HITCHCOCK[:3], HITCHCOCK[3:]


def living(*events: object) -> Life:
    return after(Life(attributed=True), events)


def likes(*items: str, at: float = 0.0) -> list[Like]:
    return [event(Like, at + 10.0 * number, item) for number, item in enumerate(items)]


def whole(life: Life, value: str = "Hitchcock") -> Memory | None:
    found = [memory for memory in life.agent.memories if memory.parts and memory.value == value]
    assert len(found) <= 1
    return found[0] if found else None


def own(life: Life, value: str) -> Memory:
    return next(memory for memory in life.agent.memories if memory.value == value and not memory.parts)


def test_three_liked_films_of_a_director_are_one_belief_about_the_director_with_joint_evidence() -> None:
    life = living(*likes(*FILMS))
    belief = whole(life)
    assert belief is not None
    assert (belief.subject, belief.predicate, belief.attribute) == ("attribute", "likes", "director")
    assert set(belief.parts) == {own(life, name).memory_id for name in (*FILMS, "Hitchcock")}
    assert belief.evidence == tuple(like.event_id for like in likes(*FILMS))
    assert belief.strength == pytest.approx(3.0 * own(life, "vertigo").strength, rel=1e-3)
    assert belief in life.last.memories
    assert whole(living(*likes(*FILMS[:2]))) is None


def test_an_event_counts_once_however_many_parts_rest_on_it() -> None:
    cause = SignalCause(USER, EventId("e"), START, START)
    signals = [
        PreferenceSignal("attribute", "likes", "red", 1.0, attribute="colour", context=kind) for kind in ("a", "b", "c")
    ]
    parts = learn({}, signals, cause).memories
    belief = next(memory for memory in parts.values() if memory.parts)
    assert (belief.value, belief.context, belief.evidence, belief.strength) == ("red", "", ("e",), 1.0)


def test_it_changes_no_ranking() -> None:
    life = living(*likes(*FILMS))
    plain = tuple(memory for memory in life.agent.memories if not memory.parts)
    assert whole(life, "thriller") is not None
    assert preferences_of(None, life.agent.memories, START) == preferences_of(None, plain, START)


def test_it_ends_when_a_part_is_contradicted_and_is_back_when_the_contradiction_is_taken_back() -> None:
    life = living(*likes(*FILMS))
    hidden = after(life, [event(Hide, 60.0, "psycho")])
    assert whole(hidden) is None
    ended = next(memory for memory in hidden.last.memories if memory.parts and memory.value == "Hitchcock")
    assert (ended.recorded_to, ended.ended_as) == (START + 60.0, "parts-gone")
    banned = after(life, [event(BanCategory, 60.0, category="Thriller")])
    assert whole(banned, "thriller") is None
    assert whole(banned) is not None, "nothing was said of the director"
    assert whole(after(banned, [event(Undo, 70.0)]), "thriller") == whole(life, "thriller")


def test_what_the_user_has_forgotten_comes_back_only_from_other_items() -> None:
    life = living(*likes(*FILMS))
    belief = whole(life)
    assert belief is not None
    forgotten = after(life, [event(Forget, 60.0, memory_id=belief.memory_id)])
    assert whole(forgotten) is None
    assert not any(memory.value == "Hitchcock" for memory in forgotten.agent.memories)
    assert all(believes(forgotten, "likes", name) for name in FILMS), "the films themselves are still liked"
    ended = {memory.value: memory.ended_as for memory in forgotten.last.memories if memory.recorded_to is not None}
    assert ended["Hitchcock"] == "forgotten"
    assert whole(after(forgotten, likes(*OTHERS[:2], at=100.0))) is None
    again = whole(after(forgotten, likes(*OTHERS, at=100.0)))
    assert again is not None
    assert again.evidence == tuple(like.event_id for like in likes(*OTHERS, at=100.0))


def test_it_fades_with_its_parts() -> None:
    life = living(*likes(*FILMS))
    belief = whole(life)
    assert belief is not None
    assert fades_at(belief) == NEVER
    assert whole(after(life, [event(Click, 3_000 * DAY, "folk-1")])) is None


def test_their_number_is_bounded() -> None:
    named = [PreferenceSignal("item", "likes", f"i{n}", 1.0, traits=(("label", f"{n % 20}"),)) for n in range(60)]
    cause = SignalCause(USER, EventId("e"), START, START)
    memories = [begin(signal, cause) for signal in named]
    found = consolidated(memories)
    assert len(found) == MOST_CONSOLIDATED
    assert found == consolidated(reversed(memories))


def test_memories_of_earlier_rules_follow_anew_at_the_next_event_whatever_it_is() -> None:
    life = living(*likes(*FILMS))
    plain = tuple(memory for memory in life.agent.memories if not memory.parts)
    earlier = replace(life.agent, memories=plain, memory_rules=0)
    search = event(Search, 60.0, query="jazz")
    step = apply_event(earlier, life.state, fold(life.state, search), search, (), event_source_id="s")
    assert step.agent.memory_rules == MEMORY_RULES
    assert {m.memory_id: m for m in step.agent.memories} == {m.memory_id: m for m in life.agent.memories}
    assert {memory.value for memory in step.memories} == {"Hitchcock", "Universal", "thriller"}


def test_undo_takes_back_what_was_remembered_and_leaves_what_events_say() -> None:
    shown = living(event(Click, 0.0, "jazz-1"))
    told = after(shown, [event(Remember, 10.0, predicate="likes", value="jazz")])
    assert len([memory for memory in told.agent.memories if memory.value == "jazz"]) == 2
    undone = after(told, [event(Undo, 20.0)])
    assert undone.agent.memories == shown.agent.memories
    (ended,) = (memory for memory in undone.last.memories if memory.recorded_to is not None)
    assert (ended.instructed, ended.ended_as) == (True, "withdrawn")
    assert after(told, [event(Lift, 20.0, value="jazz")]).agent.memories == shown.agent.memories
    liked = living(*likes("jazz-1"))
    assert after(liked, [event(Undo, 20.0)]).agent.memories == liked.agent.memories, "an event is no instruction"


def test_a_routine_fades_in_weeks_a_brand_in_months_and_a_stated_allergy_never() -> None:
    said = event(Remember, 0.0, predicate="dislikes", value="nuts", subject="attribute", attribute="allergen")
    cause = SignalCause(USER, EventId("e"), START, START)
    routine, brand = (
        begin(PreferenceSignal("attribute", "likes", "x", 1.0, attribute=name), cause) for name in ("weekday", "brand")
    )
    assert 14 * DAY < fades_at(routine) - START < 60 * DAY < 180 * DAY < fades_at(brand) - START < 365 * DAY
    life = living(said, event(Purchase, 10_000 * DAY, "jazz-1"))
    assert half_life(own(life, "nuts")) == NEVER
    faded = living(event(Click, 0.0, "jazz-1"), event(Click, 200 * DAY, "folk-1"))
    assert [m.ended_as for m in faded.last.memories if m.value == "jazz"] == ["faded"]


def test_the_users_page_names_the_parts_in_words() -> None:
    life = living(*likes(*FILMS))
    page = page_of(UserRecord(user=life.state, agent=life.agent), str.title, now=START + 100.0, zone=UTC)
    belief = next(memory for memory in page.believed if memory.parts and memory.value == "Hitchcock")
    assert belief.text == "you like Hitchcock as director, as Rear-Window, Psycho, Vertigo show"
    ids: set[MemoryId] = {memory.memory_id for memory in page.believed}
    assert set(belief.parts) <= ids


def test_an_unknown_user_begins_with_the_rules_of_now() -> None:
    search = event(Search, 0.0, query="jazz")
    state = UserState(user_id=USER)
    step = apply_event(AgentState(), state, fold(state, search), search, (), event_source_id="s")
    assert (step.agent.memory_rules, step.memories) == (MEMORY_RULES, ())


def test_where_as_many_values_say_the_opposite_nothing_follows() -> None:
    liked, disliked = ("a", "b", "c"), ("d", "e", "f")
    cause = SignalCause(USER, EventId("e"), START, START)
    trait = (("language", "en"),)
    signals = [
        PreferenceSignal("item", "likes" if name in liked else "dislikes", name, 1.0, traits=trait)
        for name in (*liked, *disliked)
    ]
    assert consolidated(learn({}, signals[:5], cause).memories.values())
    assert consolidated(learn({}, signals, cause).memories.values()) == {}


def test_a_category_is_one_trait_however_it_is_spelled() -> None:
    cause = SignalCause(USER, EventId("e"), START, START)
    spelled = zip("abc", ("Horror", "horror", "Horror "), strict=True)
    signals = [PreferenceSignal("item", "likes", name, 1.0, traits=(("", trait),)) for name, trait in spelled]
    memories = learn({}, signals, cause).memories
    [belief] = consolidated(memories.values()).values()
    assert consolidated(reversed([*memories.values()])) == {belief.memory_id: belief}
    left = forget(memories, belief.memory_id, START).memories
    assert [memory.traits for memory in left.values()] == [(), (), ()]


def test_what_moves_up_when_a_belief_is_forgotten_is_there_at_once() -> None:
    cause = SignalCause(USER, EventId("e"), START, START)
    traits = [(f"a{number}", "x") for number in range(MOST_CONSOLIDATED + 1)]
    signals = [
        PreferenceSignal("item", "likes", f"{name}-{number}", 1.0, traits=(trait,))
        for number, trait in enumerate(traits[:8])
        for name in "abc"
    ]
    signals += [
        PreferenceSignal("attribute", "likes", "x", 1.0, attribute=trait[0], context=context)
        for trait in traits[8:]
        for context in "abc"
    ]
    memories = learn({}, signals, cause).memories
    wholes = [memory for memory in memories.values() if memory.parts]
    assert len(wholes) == MOST_CONSOLIDATED
    left = forget(memories, wholes[0].memory_id, START).memories
    assert {m.memory_id: m for m in left.values() if m.parts} == consolidated(left.values())
    assert sum(1 for memory in left.values() if memory.parts) == MOST_CONSOLIDATED


def test_a_log_in_which_one_memory_was_stated_and_inferred_forgets_both() -> None:
    stated = PreferenceSignal("category", "likes", "jazz", 1.0, "stated", instructed=True)
    inferred = PreferenceSignal("category", "likes", "jazz", 1.0)
    cause = SignalCause(USER, EventId("e"), START, START)
    plain = begin(inferred, cause).memory_id
    for signals in ([stated], [stated, inferred]):
        assert forget(learn({}, signals, cause).memories, plain, START).memories == {}
    [left] = forget(learn({}, [stated, inferred], cause).memories, begin(stated, cause).memory_id, START).memories
    assert left == plain


def test_needs_are_known_however_their_name_is_written_and_starting_over_leaves_them() -> None:
    nuts = PreferenceSignal("attribute", "dislikes", "nuts", 3.0, "stated", attribute="Allergen", instructed=True)
    jazz = PreferenceSignal("category", "likes", "jazz", 1.0, "stated", instructed=True)
    cause = SignalCause(USER, EventId("e"), START, START)
    memories = learn({}, [nuts, jazz], cause).memories
    assert half_life(begin(nuts, cause)) == NEVER
    assert [*retract(memories, None, START, START).memories] == [begin(nuts, cause).memory_id]
    assert [*retract(memories, "nuts", START, START).memories] == [begin(jazz, cause).memory_id]


def test_an_upgrade_takes_the_time_at_which_memories_fade_by_the_new_rules() -> None:
    monday = PreferenceSignal("attribute", "likes", "monday", 1.0, attribute="weekday")
    memory = begin(monday, SignalCause(USER, EventId("e"), START, START))
    earlier = AgentState(memories=(memory,), memory_rules=0, sweep_at=START + 130 * DAY)
    life = after(replace(living(), agent=earlier), [event(Click, 40 * DAY, "rope"), event(Click, 60 * DAY, "rope")])
    assert memory.memory_id not in {left.memory_id for left in life.agent.memories}
