"""A quarantine: an account's choices count in nothing that users share, and a lift with a rebuild undoes it."""

from __future__ import annotations

import pytest

from features.list_outcome import MATURES_AFTER
from features.memory_state import MemoryStateStore
from schemas.codec import decode, encode
from schemas.ids import EventId, ItemId, UserId
from schemas.quarantines import Quarantine
from schemas.ranking_log import Choice, ListOutcome
from schemas.statistics import ItemStatistics
from schemas.topics import INTERACTIONS, ITEM_DELTAS, QUARANTINES, RANKING_LOG
from streams.handlers.on_item_deltas import FOLDED_OFFSETS_KEY, unpack_row
from streams.routes import WORKER_INPUTS
from streams.state.partition_store import ITEMS, PEOPLE
from streams.state.quarantined import decided, quarantined_users
from streams.state.rebuild import differences, emptied_rows, rebuild_items, rebuild_people, republished
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, impression, make_deps, newest_list, small_catalogue

Run = tuple[InMemoryRunner, MemoryStateStore]


def decision(user: str, *, lifted: bool = False) -> Quarantine:
    number = EventId(f"q-{user}-{lifted}")
    return Quarantine(event_id=number, user_id=UserId(user), event_time=START, lifted=lifted, reason="a crowd")


def played(*steps: object) -> Run:
    store = MemoryStateStore()
    runner = InMemoryRunner(make_deps(), store)
    small_catalogue(runner)
    for step in steps:
        topic = QUARANTINES if isinstance(step, Quarantine) else INTERACTIONS
        runner.send(topic, step.user_id, step)  # type: ignore[attr-defined]
        runner.run()
    return runner, store


def counts(store: MemoryStateStore) -> dict[str, int]:
    return {
        item: unpack_row(state).count
        for partition in range(4)
        for item, state in store.scan(ITEMS, partition)
        if item != FOLDED_OFFSETS_KEY
    }


def rebuilt(runner: InMemoryRunner) -> tuple[MemoryStateStore, MemoryStateStore]:
    """Return users and items, as `lifelong rebuild` folds them."""
    records = [record for topic in WORKER_INPUTS for record in runner.log.records(topic)]
    people = rebuild_people(records, runner.deps)
    users = quarantined_users(people, 4)
    deltas = decided(runner.log.records(ITEM_DELTAS), users, now=START + 1e6)
    return people, rebuild_items(deltas, runner.deps)


BEFORE, DURING, AFTER = click("fake", "war-0", 0), click("fake", "war-1", 60), click("fake", "war-2", 120)
HONEST = (click("ann", "war-0", 10), click("ann", "drama-1", 90))


def test_choices_in_quarantine_count_in_no_statistics_and_teach_no_model() -> None:
    runner, store = played(BEFORE, HONEST[0], decision("fake"), DURING, HONEST[1])
    assert counts(store) == {"war-0": 2, "drama-1": 1}
    entries = [decode(RANKING_LOG, record.value, now=START + 1e6) for record in runner.log.records(RANKING_LOG)]
    learned = [entry.event_id for entry in entries if isinstance(entry, Choice)]
    assert learned == [BEFORE.event_id, HONEST[0].event_id, HONEST[1].event_id]


@pytest.mark.parametrize("in_quarantine", [False, True])
def test_lists_that_are_shown_in_quarantine_and_their_clicks_teach_nothing(in_quarantine: bool) -> None:
    shown = impression("fake", ("war-0", "war-1"), "list-1", 60)
    late = click("fake", "war-1", 90, list_id="list-2")
    later = click("fake", "war-2", MATURES_AFTER + 120)
    runner, _ = played(BEFORE, *([decision("fake")] if in_quarantine else []), shown, late, later)
    entries = [decode(RANKING_LOG, record.value, now=START + 1e6) for record in runner.log.records(RANKING_LOG)]
    outcomes = {entry.list_id for entry in entries if isinstance(entry, ListOutcome)}
    assert outcomes == (set() if in_quarantine else {"list-1", "list-2"})


def test_the_account_is_served_as_before() -> None:
    runner, _ = played(BEFORE, decision("fake"), DURING)
    assert newest_list(runner, "fake").trigger_event_ids == (DURING.event_id,)


def test_a_rebuild_takes_out_what_the_account_did_before() -> None:
    runner, _ = played(BEFORE, HONEST[0], decision("fake"), DURING)
    assert counts(rebuilt(runner)[1]) == {"war-0": 1}


def test_after_a_rebuild_workers_hold_no_counts_of_what_only_the_account_chose() -> None:
    runner, store = played(BEFORE, HONEST[1], decision("fake"))
    assert runner.deps.table.count[runner.deps.table.number[ItemId("war-0")]] == 1
    people, items = rebuilt(runner)
    for message in (*republished(people, items, (4, 4)), *emptied_rows(items, store, 4)):
        if isinstance(message.value, ItemStatistics):
            runner.deps.table.put_statistics(message.value)
    held = {item: int(runner.deps.table.count[number]) for item, number in runner.deps.table.number.items()}
    assert {item: count for item, count in held.items() if count} == {"drama-1": 1}


def test_a_rebuild_goes_by_the_user_of_a_choice_whatever_its_record_was() -> None:
    runner, _ = played(BEFORE, decision("fake"), DURING)
    people = rebuilt(runner)[0]
    users = quarantined_users(people, 4)
    deltas = decided(runner.log.records(ITEM_DELTAS), users, now=START + 1e6)
    assert users == {"fake"}
    assert [decode(ITEM_DELTAS, record.value, now=START + 1e6).withheld for record in deltas] == [True, True]


def test_the_crowd_watch_leaves_accounts_in_quarantine_out() -> None:
    crowd = [click(f"fake-{number}", "war-1", 10 * number) for number in range(40)]
    runner, _ = played(*(decision(f"fake-{number}") for number in range(40)), *crowd)
    assert runner.deps.crowds.observe(ItemId("war-1"), distinct=1) == "new"


def test_after_a_lift_a_rebuild_restores_everything() -> None:
    runner, store = played(BEFORE, decision("fake"), DURING, decision("fake", lifted=True), AFTER)
    assert counts(store) == {"war-0": 1, "war-2": 1}
    _, ours = played(BEFORE, DURING, AFTER)
    people, items = rebuilt(runner)
    assert counts(items) == counts(ours) == {"war-0": 1, "war-1": 1, "war-2": 1}
    assert differences(people, store, PEOPLE, 4) == []


def test_a_rebuild_without_decisions_changes_no_delta() -> None:
    runner, store = played(BEFORE, *HONEST)
    deltas = runner.log.records(ITEM_DELTAS)
    assert decided(deltas, frozenset(), now=START + 1e6) == list(deltas)
    assert differences(rebuilt(runner)[1], store, ITEMS, 4) == []


def test_a_decision_survives_a_restart_and_redelivery() -> None:
    runner, store = played(decision("fake"), DURING)
    again = InMemoryRunner(make_deps(), store, runner.log, redelivers=2)
    again.run()
    again.send(INTERACTIONS, AFTER.user_id, AFTER)
    again.run()
    assert counts(store) == {}


def test_a_delta_of_an_earlier_build_is_not_withheld() -> None:
    runner, _ = played(BEFORE)
    [record] = runner.log.records(ITEM_DELTAS)
    delta = decode(ITEM_DELTAS, record.value, now=START + 1e6)
    assert (delta.item_id, delta.withheld) == (ItemId("war-0"), False)
    assert b"withheld" not in encode(delta)
