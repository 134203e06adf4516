"""Beliefs about attributes: how many contradictions make a change, and how far doubt spreads."""

from __future__ import annotations

from agents.memory.changes import CONTRADICTIONS, changed_at
from agents.memory.forgetting import FADING_CAPACITY
from agents.memory.operations import Memories, PreferenceSignal, SignalCause, learn
from agents.memory.recall import recall
from features.decay import DAY
from schemas.ids import EventId, UserId
from schemas.interactions import Click, Hide, Purchase
from tests.property.test_changing_attributes import remembered, said
from tests.unit.agents.scenarios import Life, after, event


def active(memories: Memories) -> set[tuple[str, str, str]]:
    now = max(memory.recorded_from for memory in memories.values())
    return {(m.context, m.predicate, m.value) for m in recall(memories.values(), now, k=len(memories))}


def test_one_observation_changes_nothing_else_and_two_put_the_facet_in_doubt_however_strong_it_was() -> None:
    likes = [(said("red", stated=False), DAY)] * 6 + [(said("blue", stated=False), DAY)] * 6
    against = (said("red", "dislikes", stated=False), DAY)
    once = remembered([*likes, against])
    assert active(once) == {("lamp", "likes", "red"), ("lamp", "likes", "blue")}
    twice = remembered([*likes, *[against] * CONTRADICTIONS])
    assert active(twice) == {("lamp", "dislikes", "red")}
    states = {(m.predicate, m.value): m.state for m in twice.values()}
    assert (states["likes", "red"], states["likes", "blue"]) == ("stale", "unresolved")


def test_one_observation_against_two_beliefs_about_a_value_is_one() -> None:
    liked = [(said("red"), DAY), (said("red", "wants-more"), DAY), (said("blue"), DAY)]
    once = remembered([*liked, (said("red", "dislikes", stated=False), DAY)])
    assert active(once) >= {("lamp", "likes", "red"), ("lamp", "likes", "blue")}


def test_contradictions_of_two_values_of_an_attribute_add_up() -> None:
    likes = [(said(value, stated=False), DAY) for value in ("red", "blue", "grey") for _ in range(4)]
    against = [(said(value, "dislikes", stated=False), DAY) for value in ("red", "blue")]
    assert active(remembered([*likes, *against[:1]])) >= {("lamp", "likes", "blue"), ("lamp", "likes", "grey")}
    assert ("lamp", "likes", "grey") not in active(remembered([*likes, *against]))


def test_a_late_change_of_one_value_is_no_noise_that_confirmations_outweigh() -> None:
    noise = [(said("red", stated=False), DAY)] * 4 + [(said("red", "dislikes", stated=False), DAY)]
    assert active(remembered(noise * 5 + noise[:4])) == {("lamp", "likes", "red")}


def test_doubt_spreads_to_the_context_and_from_two_contexts_to_all_of_them() -> None:
    liked = [(said("red", context=context), DAY) for context in ("lamp", "chair", "rug", "")]
    liked += [(said("Acme", attribute="brand", context=context), DAY) for context in ("lamp", "chair", "rug", "")]
    first = remembered([*liked, (said("red", "dislikes", context="lamp"), DAY)])
    assert ("lamp", "likes", "Acme") not in active(first)
    assert {("chair", "likes", "red"), ("rug", "likes", "Acme")} <= active(first)
    second = remembered(
        [*liked, (said("red", "dislikes", context="lamp"), DAY), (said("red", "dislikes", context="chair"), DAY)]
    )
    assert not {one for one in active(second) if one[0] == "rug"}
    assert {("", "likes", "red"), ("", "likes", "Acme")} <= active(second)


def test_what_holds_in_no_context_alone_is_doubted_by_attribute() -> None:
    liked = [(said("red", context=""), DAY), (said("Acme", attribute="brand", context=""), DAY)]
    assert active(remembered([*liked, (said("red", "dislikes", context=""), DAY)])) == {
        ("", "likes", "Acme"),
        ("", "dislikes", "red"),
    }


def test_what_is_learned_while_a_change_goes_on_is_not_doubted_with_the_old() -> None:
    history = [(said("red"), DAY), (said("blue"), DAY), (said("red", "dislikes"), 40 * DAY), (said("grey"), DAY)]
    again = (said("blue", "dislikes", announced=True), DAY)
    assert active(remembered([*history, again])) >= {("lamp", "likes", "grey"), ("lamp", "dislikes", "red")}
    assert changed_at(remembered([*history, again]).values(), "lamp") == 42 * DAY


def test_a_user_who_speaks_of_a_change_puts_everything_in_doubt() -> None:
    liked = [(said("red", context=context), DAY) for context in ("lamp", "chair", "")]
    assert active(remembered([*liked, (said("blue", "dislikes", announced=True), DAY)])) == {
        ("lamp", "dislikes", "blue")
    }


def test_many_values_leave_the_memories_bounded_and_drop_the_doubted_first() -> None:
    memories: Memories = {}
    for number in range(FADING_CAPACITY["attribute"] + 50):
        cause = SignalCause(UserId("u1"), EventId(f"e{number}"), 1.0 * number, 1.0 * number)
        signal = PreferenceSignal("attribute", "likes", f"v{number}", 1.0, "stated", "brand", "", number == 100)
        memories = learn(memories, [signal], cause).memories
    assert len(memories) == FADING_CAPACITY["attribute"]
    assert "v0" not in {memory.value for memory in memories.values()}
    assert "v177" in {memory.value for memory in memories.values()}


def test_only_an_event_that_speaks_of_the_item_speaks_of_its_attributes() -> None:
    clicked = after(Life(attributed=True), [event(Click, 0.0, "jazz-1")])
    assert {memory.subject for memory in clicked.agent.memories} == {"category"}
    bought = after(clicked, [event(Purchase, 10.0, "jazz-1"), event(Hide, 20.0, "folk-2")])
    assert {(m.predicate, m.attribute, m.value, m.source) for m in bought.agent.memories if m.attribute} == {
        ("likes", "band", "jazz-1", "inferred"),
        ("likes", "label", "label of 1", "inferred"),
        ("dislikes", "band", "folk-2", "inferred"),
        ("dislikes", "label", "label of 2", "inferred"),
    }
