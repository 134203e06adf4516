"""Laws of beliefs about attributes: contradiction puts them in doubt, confirmation revives them."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.memory.changes import changed_at
from agents.memory.forgetting import FADING_CAPACITY
from agents.memory.operations import Memories, PreferenceSignal, SignalCause, learn
from agents.memory.recall import recall
from agents.memory.record import FOR, faded, is_active, memory_id
from features.decay import DAY
from schemas.ids import EventId, UserId
from schemas.memories import Predicate, Subject

USER = UserId("u1")
ATTRIBUTES = st.sampled_from(["brand", "colour"])
CONTEXTS = st.sampled_from(["", "lamp", "chair"])
VALUES = st.sampled_from(["red", "blue", "Acme"])


def said(
    value: str,
    predicate: Predicate = "likes",
    *,
    attribute: str = "colour",
    context: str = "lamp",
    stated: bool = True,
    announced: bool = False,
) -> PreferenceSignal:
    source = "stated" if stated else "inferred"
    return PreferenceSignal("attribute", predicate, value, 1.0, source, attribute, context, announced)  # type: ignore[arg-type]


@st.composite
def signals(draw: st.DrawFn) -> PreferenceSignal:
    """Draw a signal: mostly about attributes, now and then about a category."""
    predicate: Predicate = draw(st.sampled_from(["likes", "dislikes", "wants-more"]))
    if draw(st.integers(0, 9)) == 0:
        return PreferenceSignal("category", predicate, draw(VALUES), 0.5)
    return said(
        draw(VALUES),
        predicate,
        attribute=draw(ATTRIBUTES),
        context=draw(CONTEXTS),
        stated=predicate == "wants-more" or draw(st.booleans()),
        announced=draw(st.integers(0, 9)) == 0,
    )


HISTORIES = st.lists(st.tuples(signals(), st.floats(0.0, 20 * DAY)), max_size=30)


def remembered(
    history: list[tuple[PreferenceSignal, float]], before: Memories | None = None, now: float = 0.0
) -> Memories:
    """The memories after these signals, each so many seconds after the one before."""
    memories = before or {}
    for number, (signal, pause) in enumerate(history):
        now += pause
        memories = learn(memories, [signal], SignalCause(USER, EventId(f"e{number}"), now, now)).memories
    return memories


def end(history: list[tuple[PreferenceSignal, float]]) -> float:
    return sum(pause for _, pause in history)


def about(signal: PreferenceSignal) -> tuple[Subject, str, str, str]:
    return signal.subject, signal.value, signal.attribute, signal.context


@settings(max_examples=200)
@given(HISTORIES)
def test_no_value_of_an_attribute_is_liked_and_disliked_at_once(history: list[tuple[PreferenceSignal, float]]) -> None:
    active = [m for m in remembered(history).values() if is_active(m)]
    sides = {(m.subject, m.value, m.attribute, m.context, m.predicate in FOR) for m in active}
    assert not [side for side in sides if (*side[:4], not side[4]) in sides]


@settings(max_examples=200)
@given(HISTORIES, st.sampled_from(["likes", "dislikes"]), VALUES)
def test_the_newest_statement_is_believed_and_what_it_contradicts_is_not(
    history: list[tuple[PreferenceSignal, float]], predicate: Predicate, value: str
) -> None:
    last = said(value, predicate)
    memories = remembered([*history, (last, 1.0)])
    recalled = recall(memories.values(), end(history) + 1.0, k=len(memories))
    sides = {m.predicate in FOR for m in recalled if (m.subject, m.value, m.attribute, m.context) == about(last)}
    assert sides == {predicate in FOR}


OVERRULED = [(said("blue", "dislikes", announced=True), 0.0), (said("blue", stated=False), 0.0)]
"""What was said against a belief long ago, and did not prevail."""


@settings(max_examples=200)
@given(HISTORIES)
@example(OVERRULED)
def test_a_contradicted_facet_recalls_nothing_older_until_it_is_confirmed(
    history: list[tuple[PreferenceSignal, float]],
) -> None:
    now = end(history)
    settled = remembered([(said("grey"), 1.0), (said("grey"), 40 * DAY)], remembered(history), now)
    changed = remembered([(said("grey", "dislikes"), 40 * DAY)], settled, now + 40 * DAY + 1.0)
    facet = [m for m in changed.values() if (m.subject, m.attribute, m.context) == ("attribute", "colour", "lamp")]
    assert [(m.predicate, m.value) for m in recall(facet, now + 81 * DAY)] == [("dislikes", "grey")]
    assert changed_at(facet, "lamp") is not None


@settings(max_examples=200)
@given(HISTORIES, VALUES)
def test_confirmation_revives_a_belief_with_all_its_strength(
    history: list[tuple[PreferenceSignal, float]], value: str
) -> None:
    now = end(history)
    held = remembered([(said(value), 1.0)] * 3, remembered(history), now)
    name = memory_id(USER, "attribute", "likes", value, "colour", "lamp")
    doubted = remembered([(said("grey", announced=True), 40 * DAY)], held, now + 3.0)
    assert doubted[name].state == "unresolved"
    assert doubted[name].evidence == held[name].evidence
    revived = remembered([(said(value), 1.0)], doubted, now + 40 * DAY + 3.0)
    assert revived[name].state == "active"
    assert revived[name].strength > faded(held[name], now + 40 * DAY + 4.0)


@settings(max_examples=200)
@given(HISTORIES)
def test_beliefs_about_attributes_leave_all_others_alone_and_stay_bounded(
    history: list[tuple[PreferenceSignal, float]],
) -> None:
    of_categories = [(signal if signal.subject == "category" else None, pause) for signal, pause in history]
    memories, now = remembered(history), 0.0
    alone: Memories = {}
    for number, (signal, pause) in enumerate(of_categories):
        now += pause
        alone = learn(alone, [signal] if signal else [], SignalCause(USER, EventId(f"e{number}"), now, now)).memories
    assert {n: m for n, m in memories.items() if m.subject == "category"} == alone
    assert len(memories) - len(alone) <= FADING_CAPACITY["attribute"]
