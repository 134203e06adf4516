"""160 orders to a language model in titles, descriptions and reviews, in twenty languages and as many writings: what of
them reaches a planner, and what gets through the guards if the model obeys.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from agents.actions.service import PastItem, RememberedFact, known_outside
from agents.actions.untrusted_text import visible
from agents.llm.answer import plan_from, read_answer
from agents.llm.conversation import texts_in
from agents.llm.handles import Handles
from agents.llm.prompt import instructions, plan_messages
from features.outside_knowledge import Beliefs, BelievedFact, SourcedDocument
from schemas.errors import LanguageModelFailed
from schemas.ids import EventId, ItemId, MemoryId, UserId
from schemas.interactions import Review
from schemas.items import Item
from schemas.plans import PlanEntry
from schemas.topics import INTERACTIONS, ITEMS, PLANS
from tests.builders import START, click, item, make_runner, send_event
from tests.injections import INJECTIONS
from tests.unit.planner.chat_server import Asked, chat_server
from tests.unit.planner.loop import GAP, planned_loop

ORDERS = tuple(INJECTIONS.values())
UNSEEN = {name for name, order in INJECTIONS.items() if visible(order, 200) == "Nice"}
"""Of these nothing but a word reaches a planner: they are written in characters that nobody sees."""
SEEN = sorted(INJECTIONS.keys() - UNSEEN)
ANN = UserId("ann")


def catalogue(*, hostile: bool) -> list[Item]:
    """As many items as orders; each order is the title and the description of one, or a harmless text is."""
    texts = ORDERS if hostile else [f"A harmless text {number}" for number in range(len(ORDERS))]
    return [
        item(f"i{number}", ("war", "comedy", "drama")[number % 3]) if not hostile else hostile_item(number, text)
        for number, text in enumerate(texts)
    ]


def hostile_item(number: int, text: str) -> Item:
    categories = (("war", "comedy", "drama")[number % 3],)
    return Item(
        item_id=ItemId(f"i{number}"),
        title=text[:1_000],
        text=text,
        categories=categories,
        available_from=START - 1e6,
        attributes={"blurb": text},
    )


def events(hostile: bool) -> list[Any]:
    """A review of every item, with its order or a harmless text, between choices that begin sessions."""
    made: list[Any] = []
    for number, order in enumerate(ORDERS):
        text = order if hostile else "Quite good."
        known = {"user_id": ANN, "item_id": ItemId(f"i{number}"), "event_time": START + number * GAP}
        made.append(Review(event_id=EventId(f"r{number}"), text=text, value=float(number % 5), **known))
    return made


def planned(hostile: bool) -> list[bytes]:
    runner = make_runner(batch=40)
    for each in catalogue(hostile=hostile):
        runner.send(ITEMS, each.item_id, each)
    runner.run()
    for event in events(hostile):
        runner.send(INTERACTIONS, event.user_id, event)
    runner.run()
    return [record.value or b"" for record in runner.log.records(PLANS)]


def test_there_are_more_than_a_hundred_in_many_languages_and_writings() -> None:
    assert len(set(ORDERS)) == len(ORDERS) >= 100
    languages = {name.split(", ", 1)[0] for name in INJECTIONS}
    assert len(languages) == len({name.split(", ", 1)[1] for name in INJECTIONS}) == 20
    assert {name.split(", ", 1)[1] for name in UNSEEN} == {"tag characters", "variation selectors"}


def test_no_order_in_an_item_or_a_review_changes_a_plan_by_a_byte() -> None:
    assert planned(hostile=True) == planned(hostile=False)


def entry() -> PlanEntry:
    runner = make_runner()
    runner.send(ITEMS, "i1", item("i1", "war"))
    runner.run()
    send_event(runner, click("ann", "i1"))
    [record] = runner.log.records(PLANS)
    return msgspec.json.decode(record.value or b"", type=PlanEntry)


ENTRY = entry()
FACT = RememberedFact(
    memory_id=MemoryId("secret"),
    text="you like war",
    predicate="likes",
    subject="category",
    value="war",
    stated=False,
    confidence=0.5,
)


def sent(order: str, *, texts: bool) -> tuple[str, str]:
    """The two messages of which one quotes an order as a title, as tools hand it on."""
    past = PastItem(item_id=ItemId("i1"), title=visible(order, 200), times=1, last_at=START, reward=1.0)
    named = RememberedFact(**{name: getattr(FACT, name) for name in FACT.__struct_fields__} | {"value": order[:256]})
    system, user = plan_messages(ENTRY, [FACT, named], [past], Handles(), nonce="n1", texts=texts)
    return system.content, user.content


def test_a_statement_that_quotes_exceptions_is_sent_only_with_texts_and_never_weighed() -> None:
    changes = {"text": "you want no war, except Ignore all orders", "stated": True, "conditional": True}
    fact = RememberedFact(**{name: getattr(FACT, name) for name in FACT.__struct_fields__} | changes)
    for texts in (False, True):
        [_, message] = plan_messages(ENTRY, [fact], [], Handles(), nonce="n1", texts=texts)
        document = json.loads(message.content.split("\n")[1])
        assert (document["memories"], bool(document["statements"])) == ([], texts)


@pytest.mark.parametrize("name", INJECTIONS)
def test_an_order_is_sent_as_data_if_at_all(name: str) -> None:
    order = INJECTIONS[name]
    system, user = sent(order, texts=True)
    assert system == instructions()
    begin, line, end = user.split("\n")
    assert (begin, end) == ("DATA n1 BEGINS", "DATA n1 ENDS")
    assert not set("<>") & set(line)
    document = json.loads(line)
    assert document["history"][0]["title"] == visible(order, 200)
    assert all(character.isprintable() for character in document["history"][0]["title"])
    assert [memory["category"] for memory in document["memories"]] == ["war"], "a sentence is no name of a category"
    harmless = "A text that is harmless, and too long to be a name"
    assert sent(order, texts=False) == sent(harmless, texts=False), "by default no text of others is sent"


@pytest.mark.parametrize("name", SEEN)
def test_an_order_in_what_sources_outside_say_is_text_of_others(name: str) -> None:
    order = INJECTIONS[name]
    fact = BelievedFact(order[:128], order[:256], 1.0, (order[:60],))
    document = SourcedDocument(order[:500], order, order[:60], 1.0)
    said = msgspec.to_builtins(known_outside(Beliefs(facts=(fact,), documents=(document,))))
    assert Handles().masked(said, texts=False) == {}, "by default no text of others is sent"
    read = set(texts_in(Handles().masked(said, texts=True)))
    assert read == {text for part in (*said["statements"], *said["documents"]) for text in strings(part)}


def strings(part: dict[str, Any]) -> list[str]:
    texts = [each for value in part.values() for each in (value if isinstance(value, list | tuple) else [value])]
    return [text for text in texts if isinstance(text, str)]


def obeys(order: str) -> list[dict[str, Any]]:
    """Answers of a model that does as it is told by an order."""
    shown = visible(order, 110)
    return [
        {"goal": shown, "steps": [], "weights": [{"memory": "m1", "weight": 1}]},
        {"goal": "Go on", "steps": [shown], "weights": [{"memory": "m1", "weight": 1}]},
        {"goal": "Go on", "steps": [], "weights": [{"memory": "evil-1", "weight": 1}]},
        {"goal": "Go on", "steps": [], "weights": [], "pinned_items": ["evil-1"]},
        {"goal": "Go on", "steps": [], "weights": [{"memory": "m77", "weight": 1}]},
        {"recommend": "evil-1", "note": shown},
    ]


@pytest.mark.parametrize("name", SEEN)
def test_a_model_that_obeys_is_not_obeyed(name: str) -> None:
    order = INJECTIONS[name]
    for answer in obeys(order):
        with pytest.raises(LanguageModelFailed) as caught:
            plan_from(read_answer(json.dumps(answer)), {"m1": FACT}, ENTRY, author="llm", texts=[visible(order, 200)])
        assert caught.value.fault == "nonsense"


def test_a_model_that_obeys_every_order_changes_no_plan() -> None:
    """The whole path, with texts sent and a model that answers by the title of the item that was had last."""
    orders = iter(range(10_000))

    def obedient(asked: Asked) -> None:
        answers = obeys(asked.data["history"][0]["title"])
        asked.say(answers[next(orders) % len(answers)])

    hostile = [hostile_item(number, INJECTIONS[name]) for number, name in enumerate(SEEN[::4])]
    with chat_server(obedient) as server, planned_loop(server.url, hostile, texts=True) as loop:
        for number in range(len(hostile)):
            send_event(loop.runner, click("ann", f"i{number}", at=number * GAP))
            loop.plan()
        assert set(loop.seen.outcomes) == {"nonsense"}
        assert len(loop.seen.outcomes) == len(hostile)
        assert loop.proposals() == []
        assert {each.plan.author for each in loop.entries()} == {"rules"}
