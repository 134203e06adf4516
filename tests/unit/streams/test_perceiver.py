"""The perceiver and the worker together, over a log in memory: what is shown draws the next list, exactly once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from features.intents import INTENTS_KEPT, ShownIntent, with_intent
from inference.encoders.colour_layout import ColourLayout
from inference.encoders.hashed_words import HashedWords
from inference.signals.perceptions import Perceptions
from schemas.codec import decode
from schemas.dead_letters import DeadLetter
from schemas.errors import PictureFault
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Look, Review, Search
from schemas.item_perceptions import ItemPerception
from schemas.topics import DEAD_LETTERS, INTERACTIONS, ITEM_PERCEPTIONS, ITEMS, PERCEIVED_EVENTS
from streams.log.in_memory_log import InMemoryLog
from streams.log.ports import Receipt
from streams.log.records import Inbound, Message
from streams.perceiver.perceive import Perceiving
from streams.perceiver.process import Perceiver, catalogue_group, handle
from streams.perceiver.sources import PictureSources
from streams.perceiver.vector_cache import VectorCache
from streams.perceiver.web import WebPictures
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, event_id, item, make_runner, newest_list, rating, send_event
from tests.pictures import circles, data_uri, encoded, stripes

RED, BLUE = (200, 20, 20), (20, 20, 200)


class Published:
    """Publishes to the log in memory."""

    def __init__(self, log: InMemoryLog) -> None:
        self._log = log

    def post(self, messages: Sequence[Message]) -> Receipt:
        self._log.publish(messages)
        return self

    def publish(self, messages: Sequence[Message]) -> None:
        self._log.publish(messages)

    def wait(self) -> None:
        """Everything is there at once."""


class Noted:
    """An observer that notes what it is told of pictures."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def encoders(self, *, text: str, image: str) -> None:
        """Not noted."""

    def perceived(self, what: str, number: int, *, delay: float) -> None:
        """Not noted."""

    def bad_picture(self, fault: PictureFault) -> None:
        self.faults.append(fault)

    def left(self, what: str, records: int) -> None:
        """Not noted."""


class Reader:
    """Nothing is read by polling here."""

    def poll(self, limit: int, seconds: float) -> Sequence[Inbound]:
        return ()

    def commit(self) -> None:
        """Nothing to commit."""

    def lag(self) -> dict[int, int]:
        return {}


class Loop:
    """A worker and a perceiver over one log; `perceive` reads what the perceiver has not read yet."""

    def __init__(self, folder: Path, runner: InMemoryRunner | None = None) -> None:
        self.runner = runner or make_runner()
        web = WebPictures(hosts=frozenset(), limit=100_000, seconds=1.0, clock=lambda: 0.0)
        text, image = HashedWords(), ColourLayout()
        self.tools = Perceiving(
            text=text,
            image=image,
            cache=VectorCache(folder / "cache.sqlite", ["hashed-words/1", "colour-layout/1"]),
            sources=PictureSources(limit=100_000, web=web, roots=(folder,)),
            pixel_limit=1_000_000,
            intent_seconds=86_400.0,
            clock=self.runner.deps.clock,
        )
        self.observer = Noted()
        self.perceiver = Perceiver(
            Reader(), Reader(), self.tools, Published(self.runner.log), self.observer, self.runner.deps.clock
        )
        self._read: dict[tuple[str, int], int] = {}

    def perceive(self) -> None:
        for topic, what in ((ITEMS, "items"), (INTERACTIONS, "events")):
            for number, partition in enumerate(self.runner.log.partitions[topic]):
                records = partition.read(self._read.get((topic, number), 0), 10_000)
                self._read[topic, number] = self._read.get((topic, number), 0) + len(records)
                if records:
                    handle(self.perceiver, what, records)
        self.runner.run()

    def again(self) -> None:
        """Perceive everything once more, as after a crash before the commit."""
        self._read.clear()
        self.perceive()

    def values(self, topic: str) -> list[object]:
        records = self.runner.log.records(topic)
        return [decode(topic, record.value, now=START + 1e6) for record in records if record.value]

    def perceptions(self) -> dict[str, ItemPerception]:
        found = [value for value in self.values(ITEM_PERCEPTIONS) if isinstance(value, ItemPerception)]
        return {perception.item_id: perception for perception in found}

    def letters(self) -> list[DeadLetter]:
        return [value for value in self.values(DEAD_LETTERS) if isinstance(value, DeadLetter)]

    def top(self, user: str) -> list[str]:
        return [ranked.item_id for ranked in newest_list(self.runner, user).home.items]

    def reason(self, user: str, name: str) -> str:
        [found] = [each.reason for each in newest_list(self.runner, user).home.items if each.item_id == name]
        return found


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """Twenty items with circles, twenty with stripes, and a user who has clicked two."""
    made = Loop(tmp_path)
    for number in range(20):
        for name, picture in (("circle", circles(RED, seed=number)), ("stripe", stripes(BLUE, seed=number))):
            own = item(f"{name}-{number}", "shapes", images=(data_uri(encoded(picture)),))
            made.runner.send(ITEMS, own.item_id, own)
    made.runner.run()
    for number in range(6):
        send_event(made.runner, click(f"u{number}", "stripe-1", at=number))
    made.perceive()
    return made


def look(user: str, content: bytes, at: float = 100.0, name: str = "") -> Look:
    own = EventId(name) if name else event_id()
    return Look(event_id=own, user_id=UserId(user), event_time=START + at, image=data_uri(content))


def test_a_shown_picture_draws_the_next_list_with_the_reason(loop: Loop) -> None:
    send_event(loop.runner, click("ann", "stripe-2", at=50))
    before = loop.top("ann")
    shown = look("ann", encoded(circles(RED, seed=99), "JPEG"))
    send_event(loop.runner, shown)
    assert newest_list(loop.runner, "ann").trigger_event_ids == (shown.event_id,)
    loop.perceive()
    newest = newest_list(loop.runner, "ann")
    assert newest.trigger_event_ids == (shown.event_id,)
    assert all(name.startswith("circle") for name in loop.top("ann")[:5])
    assert sum(name.startswith("circle") for name in before[:5]) < 5
    assert {each.reason for each in newest.home.items[:5]} == {"like the photo that you showed"}
    assert {each.source for each in newest.home.items[:5]} == {"perceptions"}


def test_the_picture_fades_and_draws_nothing_a_day_later(loop: Loop) -> None:
    send_event(loop.runner, look("ann", encoded(circles(RED, seed=99))))
    loop.perceive()
    send_event(loop.runner, click("ann", "stripe-3", at=100.0 + 7 * 3_600.0))
    assert 0 < sum(each.source == "perceptions" for each in newest_list(loop.runner, "ann").home.items) < 5
    send_event(loop.runner, click("ann", "stripe-4", at=100.0 + 86_400.0))
    assert all(each.source != "perceptions" for each in newest_list(loop.runner, "ann").home.items)


def test_words_that_are_searched_for_draw_the_next_list(loop: Loop) -> None:
    for name in ("teapot of china", "umbrella, black"):
        loop.runner.send(ITEMS, name, item(name, "things", text="to have"))
    loop.runner.run()
    loop.perceive()
    event = Search(event_id=event_id(), user_id=UserId("ann"), event_time=START + 100, query="a china teapot")
    send_event(loop.runner, event)
    loop.perceive()
    assert loop.top("ann")[0] == "teapot of china"
    assert loop.reason("ann", "teapot of china") == "like what you searched for"


def test_a_review_draws_what_is_like_its_words_unless_the_item_is_not_liked(loop: Loop) -> None:
    loop.runner.send(ITEMS, "stove", item("stove", "things", text="a hot iron stove"))
    loop.runner.run()
    loop.perceive()
    send_event(loop.runner, rating("ann", "stripe-1", 4.0, at=1))
    send_event(loop.runner, rating("bob", "stripe-1", 4.0, at=1))
    for user, value in (("ann", 5.0), ("bob", 1.0)):
        words = Review(
            event_id=event_id(),
            user_id=UserId(user),
            event_time=START + 10,
            item_id=ItemId("stripe-5"),
            text="a hot iron stove would suit it",
            value=value,
        )
        send_event(loop.runner, words)
    loop.perceive()
    assert loop.reason("ann", "stove") == "like what you wrote about"
    assert all(each.source != "perceptions" for each in newest_list(loop.runner, "bob").home.items)


def test_redelivery_and_any_order_give_the_same_state(loop: Loop, tmp_path: Path) -> None:
    for number in range(5):
        send_event(loop.runner, look("ann", encoded(circles(RED, seed=number)), at=number, name=f"look-{number}"))
    loop.perceive()
    once = loop.runner._users.load({UserId("ann")})[UserId("ann")].user.intents
    lists = len(loop.runner.log.records("recommendations"))
    assert [intent.event_id for intent in once] == ["look-4", "look-3", "look-2"]
    loop.again()
    assert loop.runner._users.load({UserId("ann")})[UserId("ann")].user.intents == once
    assert len(loop.runner.log.records("recommendations")) == lists, "what is known already makes no list"


def test_intents_do_not_depend_on_the_order_of_arrival() -> None:
    rng = random.Random(5)
    every = [ShownIntent(float(at), f"e{at}", "look", at + 50.0, "e/1", b"") for at in range(0, 90, 15)]
    folds = set()
    for _ in range(50):
        order = every * 2
        rng.shuffle(order)
        known: tuple[ShownIntent, ...] = ()
        for intent in order:
            known = with_intent(known, intent)
        folds.add(known)
    assert len(folds) == 1
    assert len(folds.pop()) == INTENTS_KEPT


def test_a_broken_picture_costs_a_dead_letter_and_nothing_else(loop: Loop) -> None:
    good = data_uri(encoded(circles(RED, seed=7)))
    broken = data_uri(encoded(circles(RED, seed=7))[:300])
    loop.runner.send(ITEMS, "lamp", item("lamp", "things", images=("file:///etc/passwd", broken, good)))
    send_event(loop.runner, look("ann", b"no picture", at=5))
    send_event(loop.runner, click("ann", "stripe-1", at=6))
    loop.perceive()
    assert sorted(loop.observer.faults) == ["broken", "no-picture", "not-allowed"]
    one, other = sorted(loop.letters(), key=lambda letter: letter.topic)
    assert (one.topic, one.reason) == (INTERACTIONS, "refused")
    assert other.message.startswith("picture not-allowed: ")
    assert "broken: " in other.message
    seen = loop.perceptions()["lamp"]
    assert seen.image is not None
    assert seen.picture is not None
    assert loop.top("ann")


def test_what_is_perceived_says_how_it_looks_and_what_it_is_a_copy_of(loop: Loop) -> None:
    again = item("copy", "shapes", images=(data_uri(encoded(circles(RED, seed=3), "JPEG"), "image/jpeg"),))
    loop.runner.send(ITEMS, "copy", again)
    loop.perceive()
    seen = loop.perceptions()["copy"]
    assert seen.near_duplicates == ("circle-3",)
    assert seen.picture is not None
    assert (seen.picture.width, seen.picture.height) == (128, 128)
    assert seen.text is not None
    assert seen.text.encoder == "hashed-words/1"


def test_a_withdrawn_item_is_taken_out(loop: Loop) -> None:
    send_event(loop.runner, look("ann", encoded(circles(RED, seed=3))))
    loop.perceive()
    [first, *_] = loop.top("ann")
    loop.runner.send(ITEMS, first, None)
    loop.perceive()
    send_event(loop.runner, click("ann", "stripe-1", at=200))
    assert first not in loop.top("ann")
    assert [each.value for each in loop.runner.log.records(ITEM_PERCEPTIONS) if each.key == first.encode()][-1] is None


def test_another_encoder_begins_anew_and_its_vectors_are_never_compared_with_the_old_ones(loop: Loop) -> None:
    assert catalogue_group("g", ["a/1"]) != catalogue_group("g", ["a/2"])
    old = loop.perceptions()["circle-1"]
    assert old.image is not None
    event = look("ann", encoded(circles(RED, seed=3)))
    newer = ShownIntent(event.event_time, "look", "look", event.event_time + 9e4, "colour-layout/2", old.image.vector)
    numbers, _ = loop.runner.deps.table.signal(Perceptions).closeness(newer)
    assert len(numbers) == 0


def test_vectors_are_made_once_also_after_a_restart(loop: Loop, tmp_path: Path) -> None:
    circle = loop.perceptions()["circle-3"].picture
    assert circle is not None
    again = VectorCache(tmp_path / "cache.sqlite", ["hashed-words/1", "colour-layout/1"])
    count = again._database.execute("select count(*) from vectors where encoder = 'colour-layout/1'").fetchone()[0]
    assert count == len({picture for name in loop.perceptions() if (picture := loop.perceptions()[name].image)})
    assert again.near_duplicates(ItemId("new"), circle.fingerprint) == ("circle-3",)
    again.close()
    other = VectorCache(tmp_path / "other.sqlite", ["hashed-words/2"])
    other.keep("hashed-words/2", {"content": b"vector"})
    other.commit()
    assert other.vectors("hashed-words/2", ["content", "unknown"]) == {"content": b"vector"}
    other.close()
    newer = VectorCache(tmp_path / "other.sqlite", ["hashed-words/3"])
    assert newer.vectors("hashed-words/2", ["content"]) == {}
    newer.close()


def test_events_without_words_or_pictures_are_not_perceived(loop: Loop) -> None:
    assert loop.values(PERCEIVED_EVENTS) == []
