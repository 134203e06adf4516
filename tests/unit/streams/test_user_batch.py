"""What a user's events lead to, with all parts of production but the servers."""

from __future__ import annotations

import pytest

from features.memory_state import MemoryStateStore
from schemas.codec import decode
from schemas.ids import ItemId, UserId
from schemas.instructions import BanCategory, PinItem
from schemas.ranking_log import Choice
from schemas.topics import DEAD_LETTERS, INSTRUCTIONS, INTERACTIONS, ITEM_STATISTICS, MISROUTED, RANKING_LOG
from streams.handlers.deps import Options
from streams.log.in_memory_log import InMemoryLog
from streams.log.partitions import partition_of
from streams.worker.in_memory_runner import InMemoryRunner
from streams.worker.user_batch import RANKED_AT_ONCE
from tests.builders import (
    START,
    click,
    event_id,
    impression,
    make_deps,
    make_runner,
    newest_list,
    send_event,
    small_catalogue,
)


def ids(recommendation):
    return [ranked.item_id for ranked in recommendation.home.items]


def test_a_click_changes_the_next_list():
    runner = make_runner()
    small_catalogue(runner)
    for number in range(3):
        send_event(runner, click(f"other{number}", "war-0", at=number))
        send_event(runner, click(f"other{number}", "war-1", at=number + 1))
    send_event(runner, click("ann", "comedy-0", at=10))
    before = newest_list(runner, "ann")
    send_event(runner, click("ann", "war-0", at=20))
    after = newest_list(runner, "ann")
    assert after.version > before.version
    assert ids(after) != ids(before)
    assert ids(after)[0] == "war-1"


def test_a_list_names_its_causes_and_reflects_the_offset_of_its_event():
    runner = make_runner()
    small_catalogue(runner)
    event = click("ann", "war-0")
    send_event(runner, event)
    recommendation = newest_list(runner, "ann")
    partition = partition_of("ann", 4)
    assert recommendation.trigger_event_ids == (event.event_id,)
    assert recommendation.applied[f"interactions-{partition}"] == 0
    assert {"ingested", "received", "folded", "ranked"} <= set(recommendation.stages)


def test_a_duplicate_event_has_no_second_effect():
    runner = make_runner()
    small_catalogue(runner)
    event = click("ann", "war-0")
    send_event(runner, event)
    send_event(runner, event)
    rows = [decode(ITEM_STATISTICS, r.value, now=START) for r in runner.log.records(ITEM_STATISTICS)]
    assert [row.count for row in rows] == [1]


def test_a_ban_holds_from_the_next_list_on():
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0"))
    assert any(i.startswith("war") for i in ids(newest_list(runner, "ann")))
    ban = BanCategory(event_id=event_id(), user_id=UserId("ann"), event_time=START + 5, category="war")
    send_event(runner, ban, INSTRUCTIONS)
    assert not any(i.startswith("war") for i in ids(newest_list(runner, "ann")))


def test_a_pinned_item_is_at_the_top():
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0"))
    pin = PinItem(event_id=event_id(), user_id=UserId("ann"), event_time=START + 5, item_id=ItemId("drama-7"))
    send_event(runner, pin, INSTRUCTIONS)
    assert ids(newest_list(runner, "ann"))[0] == "drama-7"


def test_poison_among_good_events_is_set_aside_and_the_good_ones_count():
    runner = make_runner()
    small_catalogue(runner)
    for value in (b"\xff\xfe", b"{", b"[]", b'{"type":"click"}', None, b'{"type":"click","event_id":1}'):
        runner.send(INTERACTIONS, "ann", value)
    send_event(runner, click("ann", "war-0"))
    letters = [decode(DEAD_LETTERS, r.value, now=START + 1e6) for r in runner.log.records(DEAD_LETTERS)]
    assert [letter.reason for letter in letters] == ["not-json", "not-json", "invalid", "invalid", "empty", "invalid"]
    assert newest_list(runner, "ann").state_version == 1


def test_a_record_with_a_wrong_key_reaches_its_owner_once():
    runner = make_runner()
    small_catalogue(runner)
    wrong = (partition_of("ann", 4) + 1) % 4
    event = click("ann", "war-0")
    from schemas.codec import encode

    runner.send(INTERACTIONS, None, encode(event), partition=wrong)
    runner.run()
    assert len(runner.log.records(MISROUTED)) == 1
    assert newest_list(runner, "ann").trigger_event_ids == (event.event_id,)


def test_choices_are_evaluated_before_they_are_learned():
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0"))
    send_event(runner, click("ann", "war-1", at=5))
    entries = [decode(RANKING_LOG, r.value, now=START + 1e6) for r in runner.log.records(RANKING_LOG)]
    kinds = [type(entry).__name__ for entry in entries]
    assert kinds == ["Choice", "Ranked", "Choice", "Ranked"]


def outcomes(runner) -> list:  # type: ignore[no-untyped-def]
    entries = [decode(RANKING_LOG, r.value, now=START + 1e6) for r in runner.log.records(RANKING_LOG)]
    return [(e.list_id, e.shown, e.clicked, e.late) for e in entries if type(e).__name__ == "ListOutcome"]


def test_a_click_on_a_list_that_has_matured_corrects_its_outcome():
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, impression("ann", ("war-0", "war-1"), "l1"))
    send_event(runner, click("ann", "war-0", at=60, list_id="l1"))
    send_event(runner, click("ann", "drama-0", at=4_000))
    send_event(runner, click("ann", "war-1", at=4_060, list_id="l1"))
    assert outcomes(runner) == [("l1", ("war-0", "war-1"), ("war-0",), False), ("l1", (), ("war-1",), True)]


def test_a_click_on_an_open_list_is_part_of_its_outcome_and_corrects_nothing():
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, impression("ann", ("war-0", "war-1"), "l1"))
    send_event(runner, click("ann", "war-1", at=60, list_id="l1"))
    send_event(runner, click("ann", "drama-0", at=4_000))
    assert outcomes(runner) == [("l1", ("war-0", "war-1"), ("war-1",), False)]


def test_beyond_those_of_a_batch_prequential_queries_are_left_out_and_lists_are_not():
    deps = make_deps(options=Options(person_partitions=4, item_partitions=4, prequential_per_batch=2))
    runner = InMemoryRunner(deps, MemoryStateStore(), batch=10)
    small_catalogue(runner)
    for number in range(5):
        runner.send(INTERACTIONS, f"u{number}", click(f"u{number}", "war-0", at=number))
    runner.run()
    entries = [decode(RANKING_LOG, r.value, now=START + 1e6) for r in runner.log.records(RANKING_LOG)]
    assert sum(isinstance(entry, Choice) for entry in entries) == 2
    assert all(newest_list(runner, f"u{number}").version for number in range(5))


@pytest.mark.parametrize(("waited", "degradations"), [(0.5, ()), (1.5, ("overloaded",))])
def test_a_list_whose_event_waited_too_long_says_so(waited, degradations):
    deps = make_deps(options=Options(person_partitions=4, item_partitions=4, overload_seconds=1.0))
    log = InMemoryLog(person_partitions=4, item_partitions=4, clock=lambda: deps.clock() - waited)
    runner = InMemoryRunner(deps, MemoryStateStore(), log)
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0"))
    assert newest_list(runner, "ann").degradations == degradations


def test_users_of_a_batch_beyond_those_ranked_at_once_get_their_lists_too():
    runner = make_runner(batch=500)
    small_catalogue(runner)
    users = [f"u{number}" for number in range(2 * RANKED_AT_ONCE + 3)]
    for user in users:
        runner.send(INTERACTIONS, user, click(user, "war-0"))
    runner.run()
    assert all(newest_list(runner, user).home.items for user in users)


def test_a_late_record_of_one_user_says_nothing_of_another_users_list():
    deps = make_deps(options=Options(person_partitions=4, item_partitions=4, overload_seconds=1.0))
    waited = [5.0]
    log = InMemoryLog(person_partitions=4, item_partitions=4, clock=lambda: deps.clock() - waited[0])
    runner = InMemoryRunner(deps, MemoryStateStore(), log, batch=10)
    small_catalogue(runner)
    runner.send(INTERACTIONS, "ann", click("ann", "war-0"))
    waited[0] = 0.0
    runner.send(INTERACTIONS, "bob", click("bob", "war-0"))
    runner.run()
    assert [newest_list(runner, user).degradations for user in ("ann", "bob")] == [("overloaded",), ()]
