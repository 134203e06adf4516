"""When a rebuilt user equals the stored one, and what may differ."""

from __future__ import annotations

from msgspec.structs import replace

from features.memory_state import MemoryStateStore
from features.user_state import fold
from schemas.codec import encode
from schemas.ids import UserId
from schemas.topics import INTERACTIONS, ITEMS
from streams.log.records import Inbound
from streams.state.comparison import CATALOGUE_LAG_SECONDS, compare_people, described_otherwise, with_stored_versions
from streams.state.partition_store import PEOPLE
from streams.state.user_record import UserRecord, new_user, pack, unpack
from tests.builders import START, click, item, memory


def ann(*items: str, version: int = 1) -> UserRecord:
    user = new_user(UserId("ann"))
    for number, name in enumerate(items):
        event = replace(click("ann", name, at=number), event_id=f"e{number}")
        user = replace(user, user=fold(user.user, event))
    return replace(user, version=version)


def store(*users: UserRecord, state: bytes | None = None) -> MemoryStateStore:
    states = MemoryStateStore()
    states.replace(PEOPLE, 0, {record.user.user_id: state or pack(record) for record in users}, {})
    return states


def remembering(user: UserRecord) -> UserRecord:
    return replace(user, agent=replace(user.agent, memories=(memory("ann", "war"),)))


def test_another_list_version_alone_is_no_difference() -> None:
    assert compare_people(store(ann("a", version=1)), store(ann("a", version=9)), 1).differing == ()


def test_other_events_are_a_difference_whatever_the_catalogue_says() -> None:
    comparison = compare_people(store(ann("a")), store(ann("a", "b")), 1, {"ann"})
    assert (comparison.differing, comparison.explained) == (("ann",), ())


def test_memories_may_differ_if_an_items_catalogue_entry_has_changed() -> None:
    left, right = store(ann("a")), store(remembering(ann("a")))
    assert compare_people(left, right, 1).differing == ("ann",)
    comparison = compare_people(left, right, 1, {"ann"})
    assert (comparison.differing, comparison.explained) == ((), ("ann",))


def test_a_user_who_is_missing_or_cannot_be_read_differs() -> None:
    assert compare_people(store(ann("a")), store(), 1, {"ann"}).differing == ("ann",)
    assert compare_people(store(), store(ann("a")), 1, {"ann"}).differing == ("ann",)
    assert compare_people(store(ann("a")), store(ann("a"), state=b"\xff"), 1, {"ann"}).differing == ("ann",)


def record(topic: str, key: str, value: bytes | None, at: float) -> Inbound:
    return Inbound(topic=topic, partition=0, offset=0, key=key.encode(), value=value, timestamp=at)


def test_users_who_met_an_item_before_its_newest_entry_are_named() -> None:
    met = [
        record(INTERACTIONS, user, encode(click(user, "a")), START + at) for user, at in (("early", 0), ("late", 999))
    ]
    entry = record(ITEMS, "a", encode(item("a")), START + 500)
    other = record(ITEMS, "b", encode(item("b")), START + 9_999)
    poison = [record(INTERACTIONS, "x", value, START) for value in (None, b"", b"\xff", b"[]", b'{"user_id":1}')]
    assert described_otherwise([*met, *poison, entry, other]) == {"early"}
    settled = [record(INTERACTIONS, "late", encode(click("late", "a")), START + 500 + CATALOGUE_LAG_SECONDS)]
    assert described_otherwise([*settled, entry]) == frozenset()


def test_a_rebuilt_user_keeps_the_list_version() -> None:
    rebuilt = {"ann": pack(ann("a", version=2)), "new": pack(ann("a", version=3))}
    renumbered = with_stored_versions(rebuilt, {"ann": pack(ann("b", version=7)), "gone": b"\xff", "new": b"\xff"})
    assert {key: unpack(state).version for key, state in renumbered.items()} == {"ann": 7, "new": 3}
    assert unpack(renumbered["ann"]).user == ann("a").user
