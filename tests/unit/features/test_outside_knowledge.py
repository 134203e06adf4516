"""What is believed of external knowledge: the most trusted source, then the newest, and only what is valid."""

from __future__ import annotations

from math import inf
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from features.outside_knowledge import beliefs_at, believed_spans, value_key
from schemas.signals import ExternalSignal, OutsideDocument, OutsideFact


def says(source: str, *facts: OutsideFact, **more: Any) -> ExternalSignal:
    about = {"scope": "item", "subject": "heat", "source": source, "recorded_at": 0.0, "facts": facts}
    return ExternalSignal(**(about | more))


def director(name: str, **valid: float) -> OutsideFact:
    return OutsideFact(attribute="director", value=name, **valid)


def believed(*said: ExternalSignal, at: float = 100.0) -> list[object]:
    return [fact.value for fact in beliefs_at(said, at).facts]


def test_the_more_trusted_source_is_believed_and_the_newer_of_equally_trusted_ones() -> None:
    studio, fans = (
        says("studio", director("Mann"), trust=0.9),
        says("fans", director("Man"), trust=0.3, recorded_at=9.0),
    )
    assert believed(fans, studio) == ["Mann"]
    newer = says("press", director("Scott"), trust=0.9, recorded_at=5.0)
    assert believed(studio, fans, newer) == ["Scott"]
    [lost, other] = beliefs_at([studio, fans, newer], 100.0).lost
    assert (lost.fact.source, lost.why) == ("studio", "press said so later")
    assert (other.fact.source, other.why) == ("fans", "press is trusted more")


def test_a_stale_fact_does_not_hide_a_less_trusted_one_that_is_valid() -> None:
    studio = says("studio", director("Mann", valid_from=10.0, valid_until=50.0), trust=0.9)
    fans = says("fans", director("Man"), trust=0.3)
    assert [believed(studio, fans, at=at) for at in (5.0, 10.0, 49.0, 50.0)] == [["Man"], ["Mann"], ["Mann"], ["Man"]]
    assert [lost.why for lost in beliefs_at([studio, fans], 50.0).lost] == ["no longer valid"]
    assert [lost.why for lost in beliefs_at([studio, fans], 5.0).lost] == ["not valid yet"]


def test_one_source_does_not_contradict_itself_and_sources_that_agree_are_named() -> None:
    studio = says("studio", director("Joel Coen"), director("Ethan Coen"), trust=0.9)
    press = says("press", director("joel  COEN"), trust=0.2)
    facts = {fact.value: fact.sources for fact in beliefs_at([press, studio], 1.0).facts}
    assert facts == {"Joel Coen": ("studio", "press"), "Ethan Coen": ("studio",)}
    assert beliefs_at([press, studio], 1.0).lost == ()


def test_a_source_without_trust_is_never_believed() -> None:
    liar = says("liar", director("Nobody"), trust=0.0, documents=(OutsideDocument(text="Buy this."),))
    beliefs = beliefs_at([liar], 1.0)
    assert (beliefs.facts, beliefs.documents) == ((), ())
    assert [lost.why for lost in beliefs.lost] == ["its source is not trusted"]


def test_documents_are_those_that_are_valid_the_most_trusted_first() -> None:
    old = says("old", documents=(OutsideDocument(text="Soon.", valid_until=5.0),), trust=1.0)
    press, fans = (
        says(name, documents=(OutsideDocument(text=name),), trust=trust)
        for name, trust in (("press", 0.8), ("fans", 0.1))
    )
    assert [document.text for document in beliefs_at([fans, old, press], 9.0).documents] == ["press", "fans"]


bounds = st.one_of(st.none(), st.integers(0, 6).map(float))
facts = st.builds(
    lambda name, value, begin, end: OutsideFact(
        attribute=name, value=value, valid_from=begin, valid_until=None if begin is not None and end == begin else end
    ),
    st.sampled_from(("director", "cast")),
    st.sampled_from(("a", "b", "A ")),
    bounds,
    bounds.map(lambda end: None if end is None else end + 7.0),
)
records = st.lists(
    st.tuples(st.lists(facts, max_size=4), st.sampled_from((0.0, 0.4, 0.9)), st.sampled_from((0.0, 1.0))), max_size=4
)


@given(records, st.integers(-1, 14).map(float))
def test_spans_say_at_every_time_what_is_believed_then(drawn: list[Any], at: float) -> None:
    said = [
        says(f"s{index}", *of, trust=trust, recorded_at=recorded) for index, (of, trust, recorded) in enumerate(drawn)
    ]
    asked = {(fact.attribute, value_key(fact.value)) for fact in beliefs_at(said, at).facts}
    spans = believed_spans(said)
    assert {(fact.attribute, value_key(fact.value)) for fact, (since, until) in spans if since <= at < until} == asked
    assert all(-inf <= since < until <= inf for _, (since, until) in spans)
