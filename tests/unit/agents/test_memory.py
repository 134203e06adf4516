"""Memories: how they are written, how they fade, and how contradictions are settled."""

from __future__ import annotations

import pytest

from agents.memory.extraction import extract
from agents.memory.forgetting import DECISION_LIMITS, FADING_CAPACITY
from agents.memory.operations import PreferenceSignal, SignalCause, learn
from agents.memory.recall import recall
from agents.memory.record import FORGOTTEN_STRENGTH, HALF_LIFE, MAX_EVIDENCE, NEVER, faded, fades_at, memory_id
from agents.memory.settling import settle
from features.decay import DAY
from schemas.ids import EventId
from schemas.instructions import BanCategory, BanItem, LessOf, Lift, MoreOf, PinItem
from schemas.interactions import Click, Dislike, Hide, Like, Purchase, Search, Skip, View
from schemas.memories import Memory
from tests.unit.agents.scenarios import START, USER, Life, after, belief, believes, event, life_of, shown


def clicks(n: int, item: str = "jazz-1", start: float = 0.0) -> list[Click]:
    return [event(Click, start + 10.0 * k, item) for k in range(n)]


def test_a_choice_is_remembered_as_a_liked_category_with_the_event_as_evidence() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"))
    (memory,) = life.agent.memories
    assert (memory.predicate, memory.value, memory.source, memory.strength) == ("likes", "jazz", "inferred", 0.5)
    assert memory.evidence == ("Click-jazz-1-0.0",)
    assert life.last.memories == (memory,)


def test_a_strong_reward_is_also_remembered_for_the_item_itself_and_counts_as_stated() -> None:
    life = life_of(event(Dislike, 0.0, "jazz-1"))
    assert belief(life, "dislikes", "jazz-1").source == "stated"
    assert belief(life, "dislikes", "jazz").source == "inferred"


def test_a_purchase_is_remembered_for_the_item_as_inferred() -> None:
    assert belief(life_of(event(Purchase, 0.0, "jazz-1")), "likes", "jazz-1").source == "inferred"


def test_searches_and_impressions_give_no_signal() -> None:
    assert life_of(event(Search, 0.0, query="jazz"), shown(1.0, "jazz-1")).agent.memories == ()


def test_a_memory_halves_every_half_life_of_its_kind() -> None:
    memory = life_of(event(Click, 0.0, "jazz-1")).agent.memories[0]
    assert faded(memory, START + 30 * DAY) == pytest.approx(memory.strength / 2)


def test_stated_memories_outlast_inferred_ones_and_disliked_categories_fade_sooner_than_liked_ones() -> None:
    assert all(HALF_LIFE["stated", s, p] > HALF_LIFE["inferred", s, p] for _, s, p in HALF_LIFE if "wants" not in p)
    assert HALF_LIFE["inferred", "category", "dislikes"] < HALF_LIFE["inferred", "category", "likes"]


def test_evidence_is_the_newest_few_events() -> None:
    memory = belief(life_of(*clicks(12)), "likes", "jazz")
    assert memory.evidence == tuple(f"Click-jazz-1-{10.0 * k}" for k in range(12 - MAX_EVIDENCE, 12))


def test_a_late_event_adds_its_decayed_weight_and_overwrites_nothing_newer() -> None:
    life = life_of(event(Click, 30 * DAY, "jazz-1"))
    late = after(life, [event(Click, 0.0, "jazz-2")])
    memory = belief(late, "likes", "jazz")
    assert memory.strength == pytest.approx(0.5 + 0.25)
    assert memory.recorded_from == START + 30 * DAY
    assert memory.evidence[-1] == "Click-jazz-1-2592000.0"
    assert memory.valid_from == START


def test_a_forgotten_memory_is_published_with_its_end() -> None:
    life = life_of(event(Click, 0.0, "jazz-1"), event(Click, 200 * DAY, "folk-1"))
    ended = next(memory for memory in life.last.memories if memory.value == "jazz")
    assert ended.recorded_to == START + 200 * DAY
    assert not believes(life, "likes", "jazz")


def test_a_memory_is_kept_until_it_falls_below_the_forgotten_strength() -> None:
    memory = life_of(event(Click, 0.0, "jazz-1")).agent.memories[0]
    assert faded(memory, fades_at(memory)) == pytest.approx(FORGOTTEN_STRENGTH)


def test_a_skipped_item_weakens_likes_without_a_dislike() -> None:
    before = life_of(*clicks(3), shown(40.0, "jazz-2"))
    skipped = after(before, [event(Skip, 50.0, "jazz-2")])
    assert belief(skipped, "likes", "jazz").strength < belief(before, "likes", "jazz").strength
    assert not believes(skipped, "dislikes", "jazz")


def test_absence_weakens_nothing() -> None:
    before = life_of(*clicks(3))
    shown_only = after(before, [shown(40.0, "jazz-2", "folk-1")])
    assert belief(shown_only, "likes", "jazz") == belief(before, "likes", "jazz")


def test_the_stronger_of_two_inferences_is_active_and_the_other_stale() -> None:
    life = life_of(*clicks(6), event(Dislike, 70.0, "jazz-2"))
    assert believes(life, "likes", "jazz")
    loser = belief(life, "dislikes", "jazz")
    assert (loser.state, loser.valid_to) == ("stale", START + 70.0)
    assert loser in life.last.memories


def test_undecided_inferences_are_unresolved_and_trigger_a_plan() -> None:
    life = life_of(event(Like, 0.0, "jazz-1"), event(Like, 1.0, "jazz-2"), event(Dislike, 2.0, "jazz-3"))
    assert belief(life, "likes", "jazz").state == belief(life, "dislikes", "jazz").state == "unresolved"
    assert life.last.trigger == "contradiction"


def test_the_next_evidence_resolves_an_undecided_contradiction() -> None:
    life = life_of(
        event(Like, 0.0, "jazz-1"),
        event(Like, 1.0, "jazz-2"),
        event(Dislike, 2.0, "jazz-3"),
        event(Click, 3.0, "jazz-1"),
    )
    assert believes(life, "likes", "jazz")
    assert not believes(life, "dislikes", "jazz")


def test_a_statement_outranks_any_amount_of_inference() -> None:
    life = life_of(*clicks(30), event(LessOf, 400.0, category="jazz"))
    assert believes(life, "wants-less", "jazz")
    assert belief(life, "likes", "jazz").state == "stale"


def test_of_two_statements_the_newer_holds_in_whatever_order_they_arrive() -> None:
    more, less = event(MoreOf, 5.0, category="jazz"), event(LessOf, 9.0, category="jazz")
    for life in (life_of(more, less), life_of(less, more)):
        assert believes(life, "wants-less", "jazz")
        assert belief(life, "wants-more", "jazz").state == "stale"


def test_of_two_statements_at_the_same_instant_the_negative_one_holds() -> None:
    pin, ban = event(PinItem, 5.0, "jazz-1"), event(BanItem, 5.0, "jazz-1")
    for life in (life_of(pin, ban), life_of(ban, pin)):
        assert life.agent.constraints.banned_items == ("jazz-1",)
        assert life.agent.constraints.pinned_items == ()


def test_lifting_a_statement_revives_what_it_had_outranked() -> None:
    before = life_of(*clicks(3), event(BanCategory, 50.0, category="jazz"))
    lifted = after(before, [event(Lift, 60.0, value="jazz")])
    assert not believes(before, "likes", "jazz")
    revived = belief(lifted, "likes", "jazz")
    assert (revived.state, revived.valid_to) == ("active", None)
    assert revived in lifted.last.memories
    assert next(memory for memory in lifted.last.memories if memory.predicate == "bans").recorded_to == START + 60.0


def test_a_late_lift_does_not_retract_later_statements() -> None:
    life = life_of(event(BanItem, 60.0, "jazz-1"), event(Lift, 50.0, value="jazz-1"))
    assert life.agent.constraints.banned_items == ("jazz-1",)


def test_a_lift_does_not_change_inferred_memories() -> None:
    life = life_of(*clicks(3), event(Lift, 60.0, value="jazz"))
    assert believes(life, "likes", "jazz")


def test_bans_never_fade() -> None:
    life = life_of(event(BanItem, 0.0, "jazz-1"), event(Click, 3_000 * DAY, "folk-1"))
    assert life.agent.constraints.banned_items == ("jazz-1",)


def test_memories_are_bounded_and_items_never_crowd_out_categories() -> None:
    life = life_of(*clicks(2), *(event(Purchase, 100.0 + k, f"thing-{k}") for k in range(100)))
    items = [memory for memory in life.agent.memories if memory.subject == "item"]
    assert len(items) == FADING_CAPACITY["item"]
    assert believes(life, "likes", "jazz")


def test_pins_are_limited_and_the_oldest_is_dropped() -> None:
    life = life_of(*(event(PinItem, float(k), f"thing-{k}") for k in range(DECISION_LIMITS["pins"] + 1)))
    assert life.agent.constraints.pinned_items == tuple(f"thing-{k}" for k in range(DECISION_LIMITS["pins"], 0, -1))


def test_an_item_of_many_categories_gives_each_a_smaller_signal() -> None:
    click = event(Click, 0.0, "x")
    (alone,) = extract(click, 0.5, ("a",))
    shared = extract(click, 0.5, ("a", "b", "c", "d"))
    assert alone.weight == 2 * shared[0].weight


def test_a_faint_reward_gives_no_signal() -> None:
    assert extract(event(View, 0.0, "x"), 0.1, ("a",)) == ()


def test_hiding_is_a_statement_about_the_item() -> None:
    assert belief(life_of(event(Hide, 0.0, "jazz-1")), "dislikes", "jazz-1").source == "stated"


def test_the_same_belief_has_the_same_id_wherever_it_is_learned() -> None:
    memory = life_of(event(Click, 0.0, "jazz-1")).agent.memories[0]
    assert memory.memory_id == memory_id(USER, "category", "likes", "jazz")


def test_the_least_relevant_memory_is_recalled_last_and_stale_memories_never() -> None:
    life = life_of(*clicks(4), event(Click, 50.0, "folk-1"), event(LessOf, 60.0, category="rock"))
    now = START + 60.0
    assert [memory.value for memory in recall(life.agent.memories, now)] == ["rock", "jazz", "folk"]
    assert [memory.value for memory in recall(life.agent.memories, now, k=2)] == ["rock", "jazz"]
    assert recall(life.agent.dormant, now) == ()


def test_related_memories_are_recalled_before_unrelated_ones() -> None:
    life = life_of(*clicks(2), event(Click, 50.0, "folk-1"))
    assert recall(life.agent.memories, START + 50.0, about=("folk",))[0].value == "folk"


def test_settling_a_settled_group_changes_nothing() -> None:
    life: Life = life_of(*clicks(6), event(Dislike, 70.0, "jazz-2"))
    group: list[Memory] = [belief(life, "likes", "jazz"), belief(life, "dislikes", "jazz")]
    assert settle(group, START + 90.0) == group


def test_a_signal_changes_only_memories_of_its_value() -> None:
    life = life_of(*clicks(3), event(Click, 50.0, "folk-1"))
    memories = {memory.memory_id: memory for memory in life.agent.memories}
    cause = SignalCause(USER, EventId("e"), START + 60.0, START + 60.0)
    learned = learn(memories, [PreferenceSignal("category", "likes", "folk", 0.5)], cause, NEVER)
    assert [memory.value for memory in learned.changed] == ["folk"]
