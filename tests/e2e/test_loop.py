"""The loop on real servers: an event in, a list out, whichever client sends and whatever it sends."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from schemas.codec import decode, encode
from schemas.ids import EventId, ItemId, UserId
from schemas.instructions import BanCategory, SetGoal
from schemas.offers import Occasion
from schemas.topics import DEAD_LETTERS, OFFERS, PLANS
from tests.builders import START, click, event_id
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def top(system: System, user: str) -> list[str]:
    newest = system.newest(user)
    return [ranked.item_id for ranked in newest.home.items] if newest else []


def test_a_click_changes_the_next_list(system: System) -> None:
    system.catalogue()
    system.start()
    for number in range(4):
        system.send([click(f"other{number}", "war-0", at=number), click(f"other{number}", "war-1", at=number + 1)])
    system.send([click("ann", "comedy-0", at=50)])
    system.wait_applied()
    before = top(system, "ann")
    system.send([click("ann", "war-0", at=60)])
    wait_until(lambda: top(system, "ann") != before, seconds=20, what="another list for ann")
    assert "war-0" not in top(system, "ann")
    assert top(system, "ann")[0] == "war-1"


def test_a_ban_and_a_goal_hold_from_the_next_list_on(system: System) -> None:
    system.catalogue()
    system.start()
    system.send([click("ann", "war-0")])
    wait_until(lambda: bool(top(system, "ann")), seconds=40, what="a list for ann")
    assert any(name.startswith("war") for name in top(system, "ann"))
    ban = BanCategory(event_id=event_id(), user_id=UserId("ann"), event_time=START + 1, category="war")
    system.send([ban], "instructions")
    system.wait_applied()
    assert not any(name.startswith("war") for name in top(system, "ann"))
    _reach_a_goal_over_two_sessions(system)


def _reach_a_goal_over_two_sessions(system: System) -> None:
    """Set ann a goal of three steps, two a session, and take them: on the system of another test, to save a start."""
    who = {"event_id": event_id(), "user_id": UserId("ann"), "event_time": START + 5}
    items = (ItemId("comedy-5"), ItemId("comedy-6"), ItemId("comedy-7"))
    system.send([SetGoal(**who, name="the trilogy", items=items, per_session=2)], "instructions")
    for at, led in ((60.0, items[0]), (120.0, items[1]), (7_200.0, None), (7_260.0, items[2])):
        system.wait_applied()
        assert led is None or top(system, "ann")[0] == led
        system.send([click("ann", led or "drama-1", at=at)])
    system.wait_applied()
    shown = system.command("user", "show", "ann")
    assert "goal: the trilogy (3 items in order): 3 of 3 done, reached; 1 of 2 in this session" in shown
    entries = [decode(PLANS, record.value, now=time.time()) for record in system.records(PLANS)]
    reached = [(entry.decision, len(entry.plan.goals)) for entry in entries if entry.trigger == "goal-reached"]
    assert reached == [("superseded", 1), ("accepted", 0)]
    shown = system.command("user", "goal", "ann", "two dramas", "--category", "drama", "--count", "2")
    assert "step 1 of 2 of two dramas" in " ".join(shown.split())
    assert top(system, "ann")[0].startswith("drama")


def test_a_user_is_steered_in_words_by_a_command(system: System) -> None:
    system.catalogue()
    system.start()
    for number in range(4):
        system.send([click("ann", f"war-{number}", at=number)])
    system.wait_applied()
    shown = system.command("user", "steer", "ann", "no war films until Sunday")
    assert shown.startswith("Understood: no war until Sunday")
    assert not any(name.startswith("war") for name in top(system, "ann"))
    assert "until" in system.command("why", "--user", "ann")
    system.command("user", "steer", "ann", "undo")
    assert any(name.startswith("war") for name in top(system, "ann"))


def test_a_user_reads_and_corrects_their_page_by_commands(system: System) -> None:
    system.catalogue()
    system.start()
    for number in range(4):
        system.send([click("ann", f"war-{number}", at=number)])
    system.wait_applied()
    page = json.loads(system.command("user", "show", "ann", "--json"))
    [war] = [memory for memory in page["believed"] if memory["text"] == "you like war"]
    assert set(war["evidence"]) <= {event for each in system.lists() for event in each.trigger_event_ids}
    system.command("user", "forget", "ann", war["memory_id"][:10])
    system.command("user", "remember", "ann", "dislikes", "comedy")
    system.command("user", "autonomy", "ann", "1")
    shown = system.command("user", "show", "ann")
    assert "you do not like comedy" in shown
    assert "you like war" not in shown
    assert "Say yes" in system.command("user", "steer", "ann", "only drama")
    system.command("user", "approve", "ann")
    assert {name.partition("-")[0] for name in top(system, "ann")} == {"drama"}
    exported = json.loads(system.command("user", "export", "ann"))
    assert exported["list"]["constraints"] == {"only_categories": ["drama"]}
    then = datetime.fromtimestamp(START + 60, UTC).strftime("%Y-%m-%dT%H:%M")
    assert "you like war" in system.command("user", "as-of", "ann", then)
    assert "Autonomy of offers is 3" in system.command("user", "autonomy", "ann", "3", "--action", "offers")
    midnight, noon = START - START % 86_400 + 3 * 86_400, START - START % 86_400 + 3.5 * 86_400
    for at in (midnight, noon):
        occasion = Occasion(event_id=EventId(f"at-{at}"), user_id=UserId("ann"), event_time=at, reason="sale")
        system.publisher.send("occasions", "ann", encode(occasion))
    system.publisher.flush()
    system.wait_applied()
    withheld, offer = (decode(OFFERS, record.value, now=time.time()) for record in system.records(OFFERS))
    assert (withheld.because, withheld.reason) == ("quiet-hours", "sale")
    assert {ranked.item_id.partition("-")[0] for ranked in offer.items} == {"drama"}
    assert "at most 2 a week, none from 22:00 to 08:00 UTC" in system.command("user", "show", "ann")


def test_poison_among_good_events_is_set_aside_and_every_good_one_is_answered(system: System) -> None:
    system.catalogue()
    system.start()
    good = [click(f"u{number % 7}", f"war-{number % 8}", at=number) for number in range(60)]
    poison: list[bytes | None] = [b"\x00\xff", b"{", b"[1]", b'"x"', None, b'{"type":"click"}', b"y" * 900_000]
    for number, event in enumerate(good):
        system.send([event])
        system.publisher.send("interactions", f"u{number % 7}", poison[number % len(poison)])
    system.publisher.flush()
    system.wait_applied()
    letters = [decode(DEAD_LETTERS, record.value, now=time.time()) for record in system.records(DEAD_LETTERS)]
    assert len({letter.dead_letter_id for letter in letters}) == len(good)
    answered = {event for each in system.lists() for event in each.trigger_event_ids}
    assert {event.event_id for event in good} <= answered


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_json_from_any_client_in_any_compression_is_answered(shared_system: System, codec: str) -> None:
    user = f"client-{codec}"
    producer = Producer(shared_system.cluster.config({"compression.type": codec}))
    event = {"type": "click", "event_id": codec, "user_id": user, "event_time": START, "item_id": "war-0"}
    topic = shared_system.cluster.topic("interactions")
    for number in range(20):
        producer.produce(topic, json.dumps(event | {"event_id": f"{codec}-{number}"}).encode())
    producer.flush()
    wait_until(
        lambda: f"{codec}-19" in {e for each in shared_system.lists() for e in each.trigger_event_ids},
        seconds=40,
        what=f"a list for {user}",
    )


@pytest.fixture(scope="module")
def shared_system(stack, tmp_path_factory):  # type: ignore[no-untyped-def]
    system = System(stack, tmp_path_factory.mktemp("shared"))
    system.catalogue()
    system.start()
    yield system
    system.close()


def test_a_worker_that_fell_behind_answers_all_that_waits_by_few_lists(system: System) -> None:
    system.catalogue()
    worker = system.start()
    system.send([click(f"u{number}", "war-0", at=number) for number in range(5)])
    system.wait_applied()
    before = {each.home.list_id for each in system.lists()}
    worker.send_signal(signal.SIGSTOP)
    waiting = [click(f"u{number % 5}", f"comedy-{number % 8}", at=100 + number) for number in range(1_000)]
    system.send(waiting)
    worker.send_signal(signal.SIGCONT)
    system.wait_applied()
    answered = [each for each in system.lists() if each.home.list_id not in before]
    assert {event for each in answered for event in each.trigger_event_ids} >= {event.event_id for event in waiting}
    assert len(answered) <= 40, "each of five users has one list per batch, and a batch is what waits"
