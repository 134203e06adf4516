"""What an exploring list publishes, on its topic and in the ranking log."""

from __future__ import annotations

import msgspec
import numpy as np

from features.memory_state import MemoryStateStore
from inference.exploration import Exploration
from schemas.codec import decode
from schemas.instructions import BanItem
from schemas.items import Item
from schemas.ranking_log import Choice, Ranked
from schemas.recommendations import Recommendation
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS, RANKING_LOG, RECOMMENDATIONS
from streams.log.records import RecordSource
from streams.outcomes.batch_outcome import Counters
from streams.state.user_record import new_user
from streams.worker.in_memory_runner import InMemoryRunner
from streams.worker.lists import Answer, Due, list_messages
from tests.builders import START, click, make_deps, send_event, small_catalogue

BOLD = Exploration(rate=1.0, temperature=2.0, top=12)


def with_choices(exploration: Exploration | None, batch: int = 1) -> InMemoryRunner:
    runner = InMemoryRunner(make_deps(exploration=exploration), MemoryStateStore(), batch=batch)
    small_catalogue(runner)
    for step in range(12):
        for user in ("ann", "bob"):
            event = click(user, f"{('war', 'comedy')[step % 2]}-{step % 5}", at=step * 60.0)
            runner.send(INTERACTIONS, user, msgspec.structs.replace(event, event_id=f"{user}-{step}"))
    runner.run()
    return runner


def read(runner: InMemoryRunner, topic: str) -> list[object]:
    return [decode(topic, record.value, now=START + 1e6) for record in runner.log.records(topic)]


def lists(runner: InMemoryRunner) -> list[Recommendation]:
    return [
        recommendation for recommendation in read(runner, RECOMMENDATIONS) if isinstance(recommendation, Recommendation)
    ]


def ranked(runner: InMemoryRunner) -> list[Ranked]:
    return [entry for entry in read(runner, RANKING_LOG) if isinstance(entry, Ranked)]


def test_the_same_log_gives_the_same_lists() -> None:
    once, again = lists(with_choices(BOLD)), lists(with_choices(BOLD))
    assert [recommendation.slates for recommendation in once] == [recommendation.slates for recommendation in again]
    assert len({recommendation.home.seed for recommendation in once}) == len(once) == 24


def test_list_and_log_hold_the_same_propensities_and_the_same_seed() -> None:
    runner = with_choices(BOLD)
    logged = {entry.list_id: entry for entry in ranked(runner)}
    for recommendation in lists(runner):
        entry = logged[recommendation.home.list_id]
        assert [item.propensity for item in recommendation.home.items] == list(entry.propensities)
        assert [item.item_id for item in recommendation.home.items] == list(entry.items)
        assert entry.draw is not None
        assert entry.draw.seed == recommendation.home.seed < 2**53
        assert all(0.0 < p <= 1.0 for p in entry.propensities if p is not None)


def test_a_list_that_exploits_has_neither_seed_nor_propensities() -> None:
    runner = with_choices(None)
    assert {recommendation.home.seed for recommendation in lists(runner)} == {None}
    assert {p for entry in ranked(runner) for p in entry.propensities} == {None}
    assert {entry.draw for entry in ranked(runner)} == {None}


def test_prequential_queries_are_the_same_whether_lists_explore_or_not() -> None:
    bold, careful = ([e for e in read(with_choices(how), RANKING_LOG) if isinstance(e, Choice)] for how in (BOLD, None))
    assert [(e.event_id, e.rank, e.items) for e in bold] == [(e.event_id, e.rank, e.items) for e in careful]


def test_the_log_holds_the_features_of_all_candidates_of_a_draw() -> None:
    for entry in ranked(with_choices(BOLD)):
        assert entry.draw is not None
        width = len(np.frombuffer(entry.features, "<f4")) // len(entry.items)
        rest = len(entry.draw.items) - len(entry.items)
        assert len(np.frombuffer(entry.draw.features, "<f4")) == rest * width
        assert set(entry.items) <= set(entry.draw.items)


def test_a_ban_holds_in_the_next_list_that_is_drawn() -> None:
    runner = with_choices(BOLD)
    for number in range(8):
        name = f"war-{number}"
        ban = BanItem(event_id=f"b{number}", user_id="ann", event_time=START + 999.0, item_id=name)
        send_event(runner, ban, INSTRUCTIONS)
    newest = max(
        (recommendation for recommendation in lists(runner) if recommendation.user_id == "ann"),
        key=lambda recommendation: recommendation.version,
    )
    assert newest.home.seed is not None
    assert not any(item.item_id.startswith("war") for item in newest.home.items)


def test_a_drawn_list_that_guardrails_cut_has_no_propensities() -> None:
    runner = with_choices(BOLD)
    deps = runner.deps
    due = Due(user_id="new", causes=(), source=RecordSource(INTERACTIONS, 0, 999, START), at=START + 1_000.0)  # type: ignore[arg-type]
    record = new_user(due.user_id)
    query = due.query(record, due.at)
    ranking = deps.recommender.rank([query])[0]
    assert ranking.draw is not None
    deps.table.put_item(Item(item_id=ranking.slate[3].item_id, available_from=START + 1e9))
    recommendation, entry = list_messages(
        Answer(due, record, query, ranking, {}), {"received": START}, deps, Counters()
    )
    assert isinstance(recommendation.value, Recommendation)
    assert isinstance(entry.value, Ranked)
    assert len(recommendation.value.home.items) == len(ranking.slate) - 1
    assert {item.propensity for item in recommendation.value.home.items} == {None}
    assert (recommendation.value.home.seed, entry.value.draw) == (None, None)


def test_an_item_that_is_withdrawn_is_not_drawn() -> None:
    runner = with_choices(BOLD)
    runner.send(ITEMS, "war-1", None)
    runner.run()
    for number in range(20):
        send_event(runner, click("ann", "comedy-1", at=2_000.0 + number))
    newest = [recommendation for recommendation in lists(runner) if recommendation.event_time >= START + 2_000.0]
    assert len(newest) == 20
    assert not any(item.item_id == "war-1" for recommendation in newest for item in recommendation.home.items)
