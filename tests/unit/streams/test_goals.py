"""Goals in lists: the next step leads, no rule is broken for it, and every way of running a log ends in the same."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.planning.guardrails import check_slate
from deploy.cli.user.page import goal_line
from features.memory_state import MemoryStateStore
from schemas.codec import decode
from schemas.ids import EventId, ItemId, UserId
from schemas.instructions import BanCategory, BanItem, LimitFact, OnlyCategory, PinItem, SetGoal
from schemas.interactions import Context
from schemas.items import Item
from schemas.recommendations import RankedItem
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS, PLANS
from streams.log.partitions import partition_of
from streams.state.partition_store import PEOPLE
from streams.state.user_page import PageGoal, page_of
from streams.state.user_record import UserRecord, unpack
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import (
    START,
    click,
    event_id,
    item,
    make_deps,
    make_runner,
    newest_list,
    send_event,
    small_catalogue,
)

HOUR = 3_600.0
WARS = ("war-5", "war-6", "war-7")


def told(kind: Any, at: float, **more: Any) -> Any:
    return kind(event_id=event_id(), user_id=UserId("ann"), event_time=START + at, **more)


def goal(at: float = 5.0, **more: Any) -> SetGoal:
    steps = more or {"items": WARS, "per_session": 2}
    return told(SetGoal, at, name="the trilogy", **steps)  # type: ignore[no-any-return]


def with_goal(said: SetGoal, *more: Any, store: MemoryStateStore | None = None) -> InMemoryRunner:
    runner = make_runner(store=store)
    small_catalogue(runner)
    for number, level in enumerate((3.0, 1.0, 2.0, 1.0)):
        runner.send(ITEMS, f"cook-{number}", item(f"cook-{number}", "cooking", attributes={"level": level}))
    for number in range(3):
        send_event(runner, click("bob", f"comedy-{number}", at=number))
    send_event(runner, click("ann", "comedy-0", at=0))
    for one in (said, *more):
        send_event(runner, one, INSTRUCTIONS)
    return runner


def first(runner: InMemoryRunner) -> RankedItem:
    return newest_list(runner, "ann").home.items[0]


def record_of(store: MemoryStateStore) -> UserRecord:
    return unpack(store.load(PEOPLE, partition_of("ann", 4), ["ann"])["ann"])


def test_the_next_step_leads_with_its_reason_two_in_this_session_and_the_last_in_the_next() -> None:
    runner = with_goal(goal())
    led = [(first(runner).item_id, first(runner).source, first(runner).reason)]
    for number, at in enumerate((60.0, 120.0)):
        send_event(runner, click("ann", WARS[number], at=at))
        led.append((first(runner).item_id, first(runner).source, first(runner).reason))
    assert led[:2] == [(WARS[n], "goal", f"step {n + 1} of 3 of the trilogy") for n in range(2)]
    assert led[2][1] != "goal", "the session has had its share"
    send_event(runner, click("ann", "comedy-1", at=2 * HOUR))
    assert first(runner).item_id == WARS[2]
    send_event(runner, click("ann", WARS[2], at=2 * HOUR + 60))
    entries = [decode(PLANS, record.value, now=START + 1e6) for record in runner.log.records(PLANS)]
    assert [(entry.decision, len(entry.plan.goals)) for entry in entries if entry.trigger == "goal-reached"] == [
        ("superseded", 1),
        ("accepted", 0),
    ]


def test_a_goal_of_a_category_leads_from_the_lowest_level_on() -> None:
    runner = with_goal(goal(category="Cooking", count=3, ascending="level", per_session=3))
    led = [first(runner).item_id]
    for at in (60.0, 120.0):
        send_event(runner, click("ann", led[-1], at=at))
        led.append(first(runner).item_id)
    assert (set(led[:2]), led[2]) == ({"cook-1", "cook-3"}, "cook-2")


def test_a_goal_of_a_category_without_an_order_leads_with_its_best_item() -> None:
    runner = with_goal(goal(category="cooking", count=2))
    assert (first(runner).item_id.partition("-")[0], first(runner).reason) == ("cook", "step 1 of 2 of the trilogy")


@pytest.mark.parametrize(
    ("said", "leads"),
    [
        ((BanItem, {"item_id": "war-5"}), "war-6"),
        ((BanCategory, {"category": "war"}), None),
        ((OnlyCategory, {"category": "drama"}), None),
        ((LimitFact, {"fact": "level", "at_most": 1.0}), None),
    ],
)
def test_a_step_that_a_statement_forbids_is_left_out_or_waits(said: Any, leads: str | None) -> None:
    kind, fields = said
    runner = with_goal(goal(), told(kind, 6, **fields))
    steps = [each.item_id for each in newest_list(runner, "ann").home.items if each.source == "goal"]
    assert steps == ([leads] if leads else [])


def test_a_withdrawn_step_waits_and_pins_come_before_steps() -> None:
    runner = with_goal(goal(), told(PinItem, 6, item_id="drama-1"))
    assert [each.item_id for each in newest_list(runner, "ann").home.items[:2]] == ["drama-1", "war-5"]
    runner.send(ITEMS, "war-5", None)
    send_event(runner, click("ann", "comedy-1", at=60))
    assert not any(each.source == "goal" for each in newest_list(runner, "ann").home.items)


CONSTRAINTS = st.lists(
    st.sampled_from(
        [
            (BanItem, {"item_id": "war-5"}),
            (BanItem, {"item_id": "cook-1"}),
            (BanCategory, {"category": "war"}),
            (BanCategory, {"category": "cooking"}),
            (OnlyCategory, {"category": "war"}),
            (PinItem, {"item_id": "war-6"}),
            (LimitFact, {"fact": "level", "at_most": 2.0}),
        ]
    ),
    max_size=4,
)


@settings(max_examples=15, deadline=None)
@given(CONSTRAINTS)
def test_no_list_breaks_a_rule_for_a_goal(stated: list[Any]) -> None:
    second = told(SetGoal, 6, name="learn", category="cooking", count=3, ascending="level", per_session=3)
    statements = [told(kind, 7 + number, **fields) for number, (kind, fields) in enumerate(stated)]
    runner = with_goal(goal(per_session=3, items=WARS), second, *statements)
    for at, chosen in ((60.0, "war-5"), (120.0, "cook-1")):
        send_event(runner, click("ann", chosen, at=at))
        newest, table = newest_list(runner, "ann"), runner.deps.table
        items = [ItemId(each.item_id) for each in newest.home.items]
        available = {name: table.categories(name) for name in (*items, *map(ItemId, newest.constraints.pinned_items))}
        limits = newest.constraints.limits
        beyond = [name for name in available if limits and not table.facts.keeps(table.number[name], limits)]
        assert check_slate(items, newest.constraints, available, beyond) == ()


def test_a_redelivered_log_ends_in_the_same_record() -> None:
    said, stores = goal(), (MemoryStateStore(), MemoryStateStore())
    once, twice = (with_goal(said, store=store) for store in stores)
    events = [click("ann", name, at=60.0 * n) for n, name in enumerate(("war-6", "comedy-2", "war-5"), 1)]
    for event in events:
        send_event(once, event)
    for event in [event for event in events for _ in range(2)]:
        send_event(twice, event)
    one, other = (record_of(store).agent.goals for store in stores)
    assert one == other
    assert [step.item_id for step in one[0].done] == ["war-6", "war-5"]


def test_an_item_that_becomes_available_is_a_candidate_for_whom_it_fits() -> None:
    runner = make_runner()
    small_catalogue(runner)
    for number in range(8):
        send_event(runner, click("ann", f"war-{number % 8}", at=number))
    runner.send(ITEMS, "new", Item(item_id=ItemId("new"), categories=("war",), available_from=START + 30.0))
    send_event(runner, click("ann", "comedy-1", at=20))
    send_event(runner, click("ann", "comedy-2", at=40))
    entries = [decode(PLANS, record.value, now=START + 1e6) for record in runner.log.records(PLANS)]
    [accepted] = [entry for entry in entries if entry.trigger == "new-item" and entry.decision == "accepted"]
    assert accepted.plan.candidates == ("new",)


def test_an_item_of_another_locale_is_new_to_nobody_here() -> None:
    runner = make_runner()
    small_catalogue(runner)
    for number in range(8):
        send_event(runner, replace(click("ann", f"war-{number}", at=number), context=Context(locale="en")))
    for name, locales in (("german", ("de",)), ("english", ("en",))):
        new = Item(item_id=ItemId(name), categories=("war",), available_from=START + 30.0, locales=locales)
        runner.send(ITEMS, name, new)
    send_event(runner, click("ann", "comedy-2", at=40))
    entries = [decode(PLANS, record.value, now=START + 1e6) for record in runner.log.records(PLANS)]
    assert [entry.plan.candidates for entry in entries if entry.plan.candidates] == [("english",)]


def page_goal(store: MemoryStateStore, *, now: float) -> PageGoal:
    [goal] = page_of(record_of(store), lambda item: "", now=START + now, zone=UTC).goals
    return goal


def test_the_page_names_the_step_that_the_list_leads_with() -> None:
    store = MemoryStateStore()
    runner = with_goal(goal(), told(BanItem, 6, item_id="war-6", until=START + HOUR), store=store)
    send_event(runner, click("ann", "war-7", at=60))
    shown = page_goal(store, now=70.0)
    assert (first(runner).reason, shown.step, shown.next) == ("step 1 of 2 of the trilogy", 1, "war-5")
    assert "1 of 2 done, step 1 of 2 is next: war-5" in goal_line(shown)
    german = page_of(record_of(store), lambda item: "", now=START + 70, zone=UTC, language="de").goals[0]
    assert (shown.text, german.text) == ("2 items in order", "2 Titel der Reihe nach")
    later = page_goal(store, now=2 * HOUR)
    assert (later.total, later.step, later.next) == (3, 1, "war-5"), "the ban has ended"


def test_the_page_says_where_no_step_is_left() -> None:
    store = MemoryStateStore()
    with_goal(goal(), *(told(BanItem, 6 + n, item_id=item) for n, item in enumerate(WARS)), store=store)
    shown = page_goal(store, now=70.0)
    assert (shown.step, shown.next, shown.reached) == (None, None, False)
    assert "no step is left" in goal_line(shown)


def ending(batch: int, *, redelivers: int = 0) -> tuple[dict[str, bytes], set[bytes | None]]:
    """Users and ledger after 120 events of four users, while an item a minute becomes available."""
    store = MemoryStateStore()
    runner = InMemoryRunner(make_deps(), store, batch=batch, redelivers=redelivers)
    small_catalogue(runner)
    for number in range(60):
        name = ItemId(f"new-{number}")
        kind = ("war", "comedy", "drama")[number % 3]
        runner.send(ITEMS, name, Item(item_id=name, categories=(kind,), available_from=START + 60.0 * number))
    runner.run()
    for number in range(120):
        user, kind = f"u{number % 4}", ("war", "comedy", "drama")[number % 4 % 3]
        event = replace(click(user, f"{kind}-{number % 7}", at=30.0 * number), event_id=EventId(f"e{number}"))
        runner.send(INTERACTIONS, user, event)
    runner.run()
    users = {user: state for partition in range(4) for user, state in store.scan(PEOPLE, partition)}
    return users, {record.value for record in runner.log.records(PLANS)}


def test_new_items_are_planned_for_alike_in_batches_of_any_size_and_when_redelivered() -> None:
    users, ledger = ending(1)
    entries = [decode(PLANS, value, now=START + 1e6) for value in ledger]
    assert any(entry.trigger == "new-item" and entry.plan.candidates for entry in entries)
    assert ending(50) == (users, ledger)
    assert ending(9, redelivers=2) == (users, ledger)
