"""Conversations without a language model: what is read, inferred, asked, and never done."""

from __future__ import annotations

import pytest

from agents.dialogue.catalogue import ItemOnOffer, OfferedCatalogue
from agents.dialogue.conversation import Conversation
from agents.dialogue.limits import FactLimit, Operator, Value, keeps
from agents.dialogue.reading import DialogueReader
from agents.dialogue.state import DialogueState
from agents.dialogue.tools import RecordedTools, ToolCall

ROWS: tuple[tuple[str, dict[str, Value]], ...] = (
    ("Alpha", {"runtime": 95.0, "genres": ("Comedy",), "rating": 6.0, "content_rating": "PG", "services": ("Blue",)}),
    ("Beta", {"runtime": 150.0, "genres": ("Comedy",), "rating": 7.0, "content_rating": "R", "services": ("Blue",)}),
    ("Gamma", {"runtime": 110.0, "genres": ("Horror",), "rating": 8.0, "content_rating": "R", "services": ("Red",)}),
    ("Delta", {"runtime": 90.0, "genres": ("Horror", "Comedy"), "rating": 5.0, "services": ("Red", "Blue")}),
)
FILMS = OfferedCatalogue(
    [ItemOnOffer(name, name, facts | {"sponsored": name == "Alpha", "released": "1999-05-01"}) for name, facts in ROWS]
)
GENERAL: dict[str, Value] = {"genres": ("Drama",), "kind": "Book", "pages": 300.0, "released": "2010-06-01"}


@pytest.mark.parametrize(
    ("field", "op", "value", "kept"),
    [
        ("genres", "contains", "drama", True),
        ("genres", "not_contains", "Drama", False),
        ("genres", "contains_any", ("Crime", "Drama"), True),
        ("kind", "in", ("Book", "Film"), True),
        ("kind", "not_in", ("Book",), False),
        ("kind", "==", "book", True),
        ("kind", "!=", "Film", True),
        ("pages", "<=", 300.0, True),
        ("pages", "<", 300.0, False),
        ("pages", ">", 299.0, True),
        ("released", ">=", 2010.0, True),
        ("released", "<", "2010-06-01", False),
        ("missing", "<=", 3.0, False),
        ("missing", "not_in", ("x",), True),
    ],
)
def test_an_item_keeps_to_a_limit(field: str, op: Operator, value: Value, kept: bool) -> None:
    assert keeps(GENERAL, FactLimit(field, op, value)) is kept


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("a comedy of at most two hours", [("genres", "contains", "Comedy"), ("runtime", "<=", 120.0)]),
        ("no horror, rated at least 6.5", [("genres", "not_contains", "Horror"), ("rating", ">=", 6.5)]),
        ("Comedy or horror", [("genres", "contains_any", ("Comedy", "Horror"))]),
        ("anything but horror", [("genres", "not_contains", "Horror")]),
        ("between 90 and 100 minutes", [("runtime", ">=", 90.0), ("runtime", "<=", 100.0)]),
        ("it shouldn't be longer than 1h30", [("runtime", "<=", 90.0)]),
        ("something from the 90s", [("released", ">=", 1990.0), ("released", "<=", 1999.0)]),
        ("rated R or PG", [("content_rating", "in", ("R", "PG"))]),
        ("kein Horror, höchstens zwei Stunden", [("genres", "not_contains", "Horror"), ("runtime", "<=", 120.0)]),
        ("something to watch with my family", []),
    ],
)
def test_limits_are_read_from_words(text: str, limits: list[tuple[str, Operator, Value]]) -> None:
    assert list(DialogueReader(FILMS).read(text).limits) == [FactLimit(*limit) for limit in limits]


def test_a_comparison_is_read_against_the_item_on_offer() -> None:
    read = DialogueReader(FILMS).read("That's too long for me.", offered=FILMS.items["Beta"])
    assert read.limits == (FactLimit("runtime", "<", 150.0),)


def test_to_have_no_preference_is_no_refusal() -> None:
    heard = DialogueReader(FILMS).read("No preference there.", asked="content_rating")
    assert heard.indifferent
    assert not heard.refuses


def talk(*texts: str, history: tuple[str, ...] = ()) -> tuple[list[str], list[ToolCall], DialogueState]:
    calls: list[ToolCall] = []
    tools = RecordedTools(FILMS, history, calls.append)
    state, said = DialogueState(), []
    for text in texts:
        turn = Conversation(FILMS).answer(state, text, tools)
        state = turn.state
        about = turn.act.item.title if turn.act.item else turn.act.field.name if turn.act.field else ""
        said.append(f"{turn.act.kind} {about}".strip())
    return said, calls, state


def test_services_are_asked_before_anything_is_recommended_and_consent_before_a_restricted_item() -> None:
    said, calls, state = talk("A comedy of at least 100 minutes", "I have Blue", "yes", "Perfect!")
    assert said == ["ask services", "confirm Beta", "recommend Beta", "done Beta"]
    assert state.accepted == "Beta"
    assert [call.name for call in calls].count("recommend") == 1


def test_a_sponsored_item_is_disclosed_with_the_recommendation() -> None:
    turn = Conversation(FILMS).answer(
        DialogueState(services=("Blue",), asked=("services",)), "comedy, rated PG", RecordedTools(FILMS, ())
    )
    assert turn.act.item is not None
    assert turn.act.item.title == "Alpha"
    assert "sponsored" in turn.text


def test_nothing_that_was_had_or_rejected_is_recommended_and_nothing_rather_than_what_breaks_a_limit() -> None:
    said, calls, _ = talk("a comedy under 100 minutes", "Blue", "no", "no", history=("Alpha",))
    assert "recommend Alpha" not in said
    assert said[-1] == "abstain"
    assert calls[-1] == ToolCall("recommend", {"item_id": None})


def test_an_abstention_says_which_limit_leaves_nothing() -> None:
    turn = Conversation(FILMS).answer(DialogueState(), "a comedy rated at least 9", RecordedTools(FILMS, ()))
    assert turn.act.kind == "abstain"
    assert "Without “rating: at least 9” there would be 3" in turn.text


def test_what_a_bare_rejection_suggests_lowers_what_resembles_the_rejected_item() -> None:
    films = OfferedCatalogue(
        [ItemOnOffer(str(n), str(n), {"genres": ("Horror" if n < 4 else "Comedy",)}, 1.0 - n / 100) for n in range(8)]
    )
    state, tools = DialogueState(asked=("genres",)), RecordedTools(films, ())
    first = Conversation(films).answer(state, "hello", tools)
    second = Conversation(films).answer(first.state, "no", tools)
    assert first.act.item is not None
    assert second.act.item is not None
    assert (first.act.item.facts["genres"], second.act.item.facts["genres"]) == (("Horror",), ("Comedy",))


def test_a_catalogue_of_nothing_ends_in_an_abstention() -> None:
    empty = OfferedCatalogue([])
    assert Conversation(empty).answer(DialogueState(), "a comedy", RecordedTools(empty, ())).act.kind == "abstain"
