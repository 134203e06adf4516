"""The topic `signals`: workers believe it in any order, and what is wrong becomes a dead letter."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from features.memory_state import MemoryStateStore
from inference.search.index import SearchIndex
from inference.search.query import ItemQuery
from inference.signals.outside_knowledge import OutsideKnowledge
from schemas.codec import encode
from schemas.errors import DecodeError
from schemas.ids import ItemId
from schemas.items import Item
from schemas.signals import ExternalSignal, OutsideDocument, OutsideFact, signal_key
from schemas.topics import EXTERNAL_SIGNALS, ITEMS
from streams.handlers.on_signals import index_signal
from streams.log.records import Inbound
from streams.outcomes.projection import NOTHING
from streams.routes import PROJECTOR
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, item, make_deps


def said(source: str = "studio", subject: str = "war-0", **more: Any) -> ExternalSignal:
    facts = (OutsideFact(attribute="director", value=f"by {source}"),)
    about = {"scope": "item", "subject": subject, "source": source, "recorded_at": START, "facts": facts}
    return ExternalSignal(**(about | more))


def inbound(key: str, value: bytes | None) -> Inbound:
    return Inbound(topic=EXTERNAL_SIGNALS, partition=0, offset=0, key=key.encode(), value=value, timestamp=START)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_signals_and_of_the_catalogue_makes_no_difference(order: tuple[int, ...]) -> None:
    runner = InMemoryRunner(make_deps(knowledge=True), MemoryStateStore())
    trusted = said(trust=0.9)
    records = [
        (EXTERNAL_SIGNALS, str(signal_key(trusted)), trusted),
        (EXTERNAL_SIGNALS, str(signal_key(said("fans"))), said("fans", trust=0.1)),
        (EXTERNAL_SIGNALS, str(signal_key(said("rumour"))), said("rumour", trust=1.0)),
        (ITEMS, "war-0", item("war-0", "war")),
    ]
    for row in order:
        runner.send(*records[row])
        runner.run()
    runner.send(EXTERNAL_SIGNALS, str(signal_key(said("rumour"))), None)
    runner.run()
    knowledge = runner.deps.table.signal(OutsideKnowledge)
    assert [fact.value for fact in knowledge.said.beliefs("item", "war-0", START).facts] == ["by studio"]
    assert [knowledge.facts.name(int(name)) for name in knowledge.facts.names_of(0, START)] == [
        ("director", "by studio")
    ]


@pytest.mark.parametrize("knowledge", [False, True])
def test_workers_keep_signals_only_where_they_rank_by_them(knowledge: bool) -> None:
    runner = InMemoryRunner(make_deps(knowledge=knowledge), MemoryStateStore())
    runner.send(ITEMS, "war-0", item("war-0", "war"))
    for signal in (said(), said("fans", "DE", scope="place")):
        runner.send(EXTERNAL_SIGNALS, str(signal_key(signal)), signal)
    runner.run()
    known = runner.deps.table.signal(OutsideKnowledge)
    assert (len(known.said), known.facts.has_any) == ((2, True) if knowledge else (0, False))
    for signal in (said(), said("fans", "DE", scope="place")):
        runner.send(EXTERNAL_SIGNALS, str(signal_key(signal)), None)
    runner.run()
    assert len(known.said) == 0


def test_the_projector_refuses_what_is_wrong_and_projects_nothing() -> None:
    good = said()
    project = PROJECTOR[EXTERNAL_SIGNALS]
    assert project(inbound("item/studio/war-0", encode(good)), now=START) == NOTHING
    assert project(inbound("item/studio/war-0", None), now=START) == NOTHING
    wrong = {
        "wrong-key": inbound("place/studio/DE", encode(said(scope="place", subject="DE"))),
        "invalid": inbound("item/studio/war-0", encode(good).replace(b'"studio"', b'"S/T"')),
        "absurd-time": inbound("item/studio/war-0", encode(said(recorded_at=START + 9e5))),
        "not-json": inbound("item/studio/war-0", b"{"),
    }
    for reason, record in wrong.items():
        with pytest.raises(DecodeError) as refused:
            project(record, now=START)
        assert refused.value.reason == reason
    for key in ("war-0", "planet/studio/war-0", "item/studio/", "place/studio/DE"):
        with pytest.raises(DecodeError, match="nothing is withdrawn"):
            project(inbound(key, None), now=START)


def test_what_is_valid_follows_the_time_of_searches_and_no_clock() -> None:
    index = SearchIndex()
    index.put_item(Item(item_id=ItemId("heat"), title="Heat"))
    premiere = said(subject="heat", documents=(OutsideDocument(text="Premiere.", valid_until=START + 20.0),))
    index_signal(inbound("item/studio/heat", encode(premiere)), index, now=START + 1e6)
    asked = [index.search(ItemQuery(at=START + after, words="premiere")).total for after in (9.0, 20.0)]
    assert asked == [1, 0]


def test_a_fact_that_ends_before_it_begins_is_refused() -> None:
    value = encode(said()).replace(b'"value"', b'"valid_from":9,"valid_until":5,"value"')
    with pytest.raises(DecodeError, match=r"valid_from 9\.0 is not before valid_until"):
        PROJECTOR[EXTERNAL_SIGNALS](inbound("item/studio/war-0", value), now=START)
