"""A record that ends a process, by a built-in fault, ends it at most twice while it is alone in flight."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from schemas.codec import decode, encode
from schemas.dead_letters import DeadLetter
from schemas.ids import ItemId, ListId, UserId
from schemas.ranking_log import ListOutcome
from schemas.record import Record
from schemas.statistics import ItemDelta
from schemas.topics import DEAD_LETTERS, ITEM_DELTAS, ITEMS, RANKING_LOG
from streams.log.partitions import partition_of
from tests.builders import START, click, item
from tests.e2e.dying import MARKER
from tests.e2e.supervised import Supervised
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
WAYS = ("raise", "exit", "kill")
DOOMED = click("doomed", MARKER, at=10)
BESIDE = next(f"beside-{n}" for n in range(100) if partition_of(f"beside-{n}", 4) == partition_of("doomed", 4))
"""A user of the same partition."""


def letters(system: System) -> list[DeadLetter]:
    return [decode(DEAD_LETTERS, record.value, now=time.time()) for record in system.records(DEAD_LETTERS)]


def wait_all(supervised: Sequence[Supervised], holds: Callable[[int], bool], what: str) -> None:
    """Wait until it holds for each system, while their ended processes are restarted."""

    def all_hold() -> bool:
        for each in supervised:
            each.restart_ended()
        return all(holds(number) for number in range(len(supervised)))

    wait_until(all_hold, seconds=120, what=what)


def test_a_record_that_ends_the_worker_is_set_aside_and_its_partition_goes_on(
    make_system: Callable[..., System],
) -> None:
    systems = [make_system(statistics={"metrics_port": 0}) for _ in WAYS]
    for system, how in zip(systems, WAYS, strict=True):
        system.instead["worker"] = ("tests.e2e.dying", how)
        system.catalogue()
    supervised = [Supervised(system) for system in systems]
    for system in systems:
        system.send([click(BESIDE, "war-0")])
    wait_all(supervised, lambda n: systems[n]._is_applied_for_sure(), "all runs")
    for system in systems:
        system.send([DOOMED])
    wait_all(supervised, lambda n: len(letters(systems[n])) == 1, "a letter of each")
    after = [click(BESIDE, "war-1", at=20), click("ann", "war-2", at=20), click("doomed", "war-3", at=20)]
    for system in systems:
        system.send(after)
    wait_all(supervised, lambda n: systems[n]._is_applied_for_sure(), "reading goes on")
    for system, restarts in zip(systems, (each.restarts for each in supervised), strict=True):
        assert [(letter.reason, letter.topic) for letter in letters(system)] == [("crashed", "interactions")]
        assert restarts["worker"] <= 2
        answered = {each.user_id: each.trigger_event_ids for each in system.lists()}
        assert {event.user_id for event in after} <= answered.keys()


def test_a_record_that_kills_the_worker_among_others_costs_none_of_them(system: System) -> None:
    system.instead["worker"] = ("tests.e2e.dying", "kill")
    system.catalogue()
    good = [click(f"u{number % 9}", f"war-{number % 8}", at=number) for number in range(60)]
    system.send([*good[:30], DOOMED, *good[30:]])
    supervised = Supervised(system)
    wait_all(
        [supervised], lambda _: len(letters(system)) == 1 and system._is_applied_for_sure(), "all others are applied"
    )
    assert [letter.reason for letter in letters(system)] == ["crashed"]
    assert supervised.restarts["worker"] <= 3
    assert {event.event_id for event in good} == {e for each in system.lists() for e in each.trigger_event_ids}


FATAL: dict[str, tuple[str, str, Record]] = {
    "trainer": (
        RANKING_LOG,
        "ann",
        ListOutcome(
            entry_id=MARKER,
            user_id=UserId("ann"),
            event_time=START,
            list_id=ListId("l"),
            shown=(),
            clicked=(),
            late=True,
        ),
    ),
    "projector": (ITEMS, MARKER, item(MARKER, "war")),
    "statistics": (
        ITEM_DELTAS,
        MARKER,
        ItemDelta(item_id=ItemId(MARKER), source="x-0", offset=0, event_time=START, weight=1.0),
    ),
}
"""For each program a record that it reads: topic, key and value."""


def test_a_record_that_ends_any_other_program_is_set_aside(make_system: Callable[..., System]) -> None:
    systems = [make_system() for _ in FATAL]
    for system, (program, (topic, key, value)) in zip(systems, FATAL.items(), strict=True):
        system.instead[program] = ("tests.e2e.dying", "exit")
        system.catalogue()
        system.publisher.send(topic, key, encode(value))
        system.publisher.send(topic, key, b"not JSON, and behind it")
        system.publisher.flush()
    supervised = [Supervised(system, [program]) for system, program in zip(systems, FATAL, strict=True)]
    wait_all(supervised, lambda n: len(letters(systems[n])) >= 2, "a letter about it, and one about what is behind it")
    for system, program, each in zip(systems, FATAL, supervised, strict=True):
        assert {letter.reason for letter in letters(system)} == {"crashed", "not-json"}
        assert each.restarts[program] <= 3
