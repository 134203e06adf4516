"""Outcomes of users who never come back: a timer publishes them, and each counts once."""

from __future__ import annotations

from features.list_outcome import MATURES_AFTER
from features.memory_state import MemoryStateStore
from inference.evaluation.experiments.arm_log import experiment_log
from inference.evaluation.off_policy.logged_lists import seen_lists
from inference.learning.shown_lists import ShownLists
from schemas.codec import decode
from schemas.ids import ItemId, ListId
from schemas.ranking_log import ListOutcome
from schemas.topics import INTERACTIONS, RANKING_LOG
from streams.state.partition_store import PEOPLE
from streams.state.rebuild import differences, rebuild_people
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, impression, make_deps, make_runner, send_event, small_catalogue
from tests.unit.streams.trainer_fixtures import outcome, ranked


class Wall:
    """A clock that tests move."""

    now = START

    def __call__(self) -> float:
        return self.now


def outcomes(runner: InMemoryRunner) -> list[ListOutcome]:
    entries = [decode(RANKING_LOG, each.value, now=START + 1e6) for each in runner.log.records(RANKING_LOG)]
    return [entry for entry in entries if isinstance(entry, ListOutcome)]


def live() -> tuple[InMemoryRunner, Wall, MemoryStateStore]:
    wall, store = Wall(), MemoryStateStore()
    runner = InMemoryRunner(make_deps(clock=wall), store)
    small_catalogue(runner)
    return runner, wall, store


def test_users_who_never_come_back_are_counted_once_each() -> None:
    runner, wall, _ = live()
    for number in range(20):
        send_event(runner, impression(f"u{number}", ("war-0", "war-1"), f"l{number}"))
        if number % 2:
            send_event(runner, click(f"u{number}", "war-0", at=1.0, list_id=f"l{number}"))
    assert outcomes(runner) == []
    wall.now += MATURES_AFTER + 60.0
    runner.run()
    runner.run()
    published = outcomes(runner)
    assert sorted(entry.list_id for entry in published) == sorted(f"l{number}" for number in range(20))
    assert sum(len(entry.clicked) for entry in published) == 10


def test_nothing_matures_before_its_time() -> None:
    runner, wall, _ = live()
    send_event(runner, impression("ann", ("war-0",), "l1"))
    wall.now += MATURES_AFTER - 60.0
    runner.run()
    assert outcomes(runner) == []


def test_each_list_of_a_user_matures_at_its_own_time() -> None:
    runner, wall, _ = live()
    send_event(runner, impression("ann", ("war-0",), "l1"))
    wall.now += 600.0
    send_event(runner, impression("ann", ("war-1",), "l2", at=600.0))
    wall.now = START + MATURES_AFTER + 60.0
    runner.run()
    assert [entry.list_id for entry in outcomes(runner)] == ["l1"]
    wall.now += 600.0
    runner.run()
    assert {entry.list_id for entry in outcomes(runner)} == {"l1", "l2"}


def test_the_timer_leaves_the_state_as_it_is_so_that_a_rebuild_is_equal() -> None:
    runner, wall, store = live()
    send_event(runner, impression("ann", ("war-0", "war-1"), "l1"))
    before = [dict(store.scan(PEOPLE, partition)) for partition in range(4)]
    wall.now += MATURES_AFTER + 60.0
    runner.run()
    assert len(outcomes(runner)) == 1
    assert [dict(store.scan(PEOPLE, partition)) for partition in range(4)] == before
    send_event(runner, click("ann", "war-1", at=5_000.0))
    records = runner.log.records(INTERACTIONS)
    assert differences(rebuild_people(records, runner.deps), store, PEOPLE, 4) == []


def test_a_click_after_the_timer_is_counted_and_earlier_clicks_are_not_counted_again() -> None:
    runner, wall, _ = live()
    send_event(runner, impression("ann", ("war-0", "war-1"), "l1"))
    send_event(runner, click("ann", "war-0", at=1.0, list_id="l1"))
    wall.now += MATURES_AFTER + 60.0
    runner.run()
    send_event(runner, click("ann", "war-1", at=MATURES_AFTER + 50.0, list_id="l1"))
    wall.now += 60.0
    runner.run()
    clicked = {item for entry in outcomes(runner) for item in entry.clicked if entry.list_id == "l1"}
    assert clicked == {"war-0", "war-1"}
    ids = [entry.entry_id for entry in outcomes(runner)]
    equal = {entry.entry_id: entry for entry in outcomes(runner)}
    assert all(equal[entry_id] == entry for entry_id, entry in zip(ids, outcomes(runner), strict=True))


def test_without_an_impression_there_is_no_outcome() -> None:
    runner = make_runner()
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0"))
    assert outcomes(runner) == []


def of_ann(entry, **more):  # type: ignore[no-untyped-def]
    from msgspec.structs import replace

    return replace(entry, user_id="ann", **more)


def test_an_outcome_that_is_published_twice_is_one_impression_and_its_clicks_once() -> None:
    shown = of_ann(ranked(1), experiment="x", arm="a")
    first, again = of_ann(outcome(1, 0)), of_ann(outcome(1, 0, 3))
    for entries in ([shown, first], [shown, first, first], [shown, again, first], [shown, first, again]):
        life = experiment_log(entries, "x").people["ann"]  # type: ignore[index]
        clicks = 2 if again in entries else 1
        assert (life.seen, life.clicks) == (1, clicks)
        seen = seen_lists(entries)
        assert (seen.exploited, seen.exploited_clicks) == (1, clicks)


def test_a_list_is_learned_once_and_then_its_new_clicks_alone() -> None:
    lists = ShownLists()
    lists.add(ranked(1))
    first = lists.settle(outcome(1, 0))
    assert first is not None
    assert first[1].clicked == (ItemId("i0"),)
    assert lists.settle(outcome(1, 0)) is None
    more = lists.settle(outcome(1, 0, 3))
    assert more is not None
    assert more[1].clicked == (ItemId("i3"),)
    assert ItemId("i0") not in more[1].shown
    assert lists.settle(outcome(1, 0, 3)) is None
    assert more[0].list_id == ListId("l1")
