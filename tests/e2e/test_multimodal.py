"""What a person shows draws their next list, on real servers, with the encoders that ship."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from schemas.codec import decode, encode
from schemas.ids import EventId, UserId
from schemas.interactions import Look, Search
from schemas.topics import DEAD_LETTERS, ITEM_PERCEPTIONS
from tests.builders import START, click, event_id, item
from tests.e2e.system import System, wait_until
from tests.pictures import circles, data_uri, encoded, stripes

pytestmark = [pytest.mark.servers, pytest.mark.slow]

CLOTHING = Path(__file__).parents[3] / "shared" / "data" / "clothing" / "train_60perclass_256px.tar"
RED, BLUE = (200, 20, 20), (20, 20, 200)


def show_catalogue(system: System, pictures: Mapping[str, Sequence[str]]) -> None:
    """Send an item for each picture, named by what is seen."""
    for name, uris in pictures.items():
        for number, uri in enumerate(uris):
            own = item(f"{name}-{number}", "goods", images=(uri,))
            system.publisher.send("items", own.item_id, encode(own))
    system.publisher.flush()
    count = sum(map(len, pictures.values()))
    wait_until(lambda: len(perceived(system)) >= count, seconds=240, what=f"{count} items perceived")


def perceived(system: System) -> set[bytes | None]:
    return {record.key for record in system.records(ITEM_PERCEPTIONS) if record.value}


def look(user: str, uri: str, at: float) -> Look:
    return Look(event_id=event_id(), user_id=UserId(user), event_time=START + at, image=uri)


def answered(system: System, user: str, event: EventId, source: str = "perceptions") -> list[tuple[str, str]]:
    """The items of the newest list that came by the perception of this event, with their reasons."""

    def is_there() -> bool:
        newest = system.newest(user)
        return (
            newest is not None
            and event in newest.trigger_event_ids
            and any(each.source == source for each in newest.home.items)
        )

    wait_until(is_there, seconds=60, what=f"a list that answers what {user} showed")
    newest = system.newest(user)
    assert newest is not None
    return [(each.item_id, each.reason) for each in newest.home.items if each.source == source]


def test_a_drawing_and_words_bring_what_is_like_them_into_the_next_list(system: System) -> None:
    drawn = {
        "circle": [data_uri(encoded(circles(RED, seed=number))) for number in range(12)],
        "stripe": [data_uri(encoded(stripes(BLUE, seed=number))) for number in range(12)],
    }
    system.start()
    system.start("perceiver")
    show_catalogue(system, drawn)
    for number in range(4):
        system.send([click(f"other{number}", f"stripe-{each}", at=each) for each in range(4)])
    system.send([click("ann", "stripe-0", at=50), click("bob", "stripe-0", at=50)])
    system.wait_applied()
    shown = look("ann", data_uri(encoded(circles(RED, seed=77), "JPEG"), "image/jpeg"), at=60)
    system.send([shown])
    found = answered(system, "ann", shown.event_id)
    assert {name.split("-")[0] for name, _ in found} == {"circle"}
    assert {reason for _, reason in found} == {"like the photo that you showed"}
    teapot = item("kettle", "things", text="Brews tea for six people; china, hand-painted.")
    system.publisher.send("items", "kettle", encode(teapot))
    system.publisher.flush()
    wait_until(lambda: b"kettle" in perceived(system), seconds=30, what="the kettle perceived")
    words = Search(event_id=event_id(), user_id=UserId("bob"), event_time=START + 60, query="a teapot of porcelain")
    broken = look("bob", data_uri(b"no picture at all"), at=61)
    system.send([words, broken])
    assert ("kettle", "like what you searched for") in answered(system, "bob", words.event_id)
    letters = [decode(DEAD_LETTERS, record.value, now=START + 1e9) for record in system.records(DEAD_LETTERS)]
    assert [letter.message.split(":")[0] for letter in letters] == ["picture no-picture"]


@pytest.mark.skipif(not CLOTHING.is_file(), reason="the photographs of clothing are not at hand")
def test_a_photograph_of_a_shirt_brings_shirts_into_the_next_list(system: System) -> None:
    photographs = photographs_of("shirt", "shoes", "hat", "skirt", "pants", number=14)
    shown = photographs["shirt"].pop()
    system.start()
    system.start("perceiver")
    show_catalogue(system, photographs)
    for number in range(4):
        system.send([click(f"other{number}", f"shoes-{each}", at=each) for each in range(6)])
    system.send([click("ann", "shoes-0", at=50)])
    system.wait_applied()
    newest = system.newest("ann")
    assert newest is not None
    before = [each.item_id for each in newest.home.items]
    event = look("ann", shown, at=60)
    system.send([event])
    found = answered(system, "ann", event.event_id)
    shirts = [name for name, _ in found if name.startswith("shirt")]
    assert len(shirts) >= 3, f"of {found}"
    assert len(shirts) > sum(name.startswith("shirt") for name in before[:5])
    assert {reason for _, reason in found} == {"like the photo that you showed"}


def photographs_of(*classes: str, number: int) -> dict[str, list[str]]:
    """The first photographs of each class, as URIs."""
    found: dict[str, list[str]] = {name: [] for name in classes}
    with tarfile.open(CLOTHING) as archive:
        for member in archive.getmembers():
            name = member.name.split("/")[1] if member.isfile() else ""
            file = archive.extractfile(member) if name in found and len(found[name]) < number else None
            if file is not None:
                found[name].append(data_uri(file.read(), "image/jpeg"))
    return found
