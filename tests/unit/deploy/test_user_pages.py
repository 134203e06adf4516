"""A user's page over HTTP: what is believed, in words; what they say to it; and that it is theirs alone."""

from __future__ import annotations

import msgspec

from features.memory_state import MemoryStateStore
from schemas.codec import decode
from schemas.ids import DEFAULT_USER, UserId
from schemas.instructions import BanCategory, LimitFact
from schemas.topics import INSTRUCTIONS, ITEMS
from tests.builders import START, click, event_id, item, make_runner, send_event, small_catalogue
from tests.unit.deploy.gateway_fixtures import KEY, NOW, GatewayFixture, build, running


def served() -> GatewayFixture:
    """Return a gateway before the state of a user who clicked twice and stated two things."""
    store = MemoryStateStore()
    runner = make_runner(store=store)
    small_catalogue(runner)
    for number in range(2):
        send_event(runner, click("ann", f"war-{number}", at=number))
    stated = {"event_id": event_id(), "user_id": UserId("ann"), "event_time": START + 5}
    send_event(runner, BanCategory(**stated, category="drama", until=NOW + 86_400.0), INSTRUCTIONS)
    send_event(runner, LimitFact(**stated | {"event_id": event_id()}, fact="price", at_most=20.0), INSTRUCTIONS)
    built = build(store=store)
    built.publish(DEFAULT_USER, 1)
    return built


def test_a_page_says_in_words_what_is_believed_and_why() -> None:
    with running(served()) as gateway:
        page = gateway.get("/v1/users/ann", time_zone="Europe/Berlin").json()
        german = gateway.get("/v1/users/ann", language="de").json()
        nobody = gateway.get("/v1/users/bob").json()
    stated = {memory["text"].partition(" until")[0] for memory in page["stated"]}
    assert stated == {"you want no drama", "price at most 20"}
    assert "you like war" in {memory["text"] for memory in page["believed"]}
    assert all(memory["evidence"] for memory in page["believed"])
    assert (page["events"] > 2, page["autonomy"], page["pending"]) == (True, 2, False)
    assert "Preis höchstens 20" in {memory["text"] for memory in german["stated"]}
    assert (nobody["events"], nobody["stated"], nobody["believed"]) == (0, [], [])


def test_what_is_exported_is_all_of_it() -> None:
    with running(served()) as gateway:
        exported = gateway.get("/v1/users/ann/export").json()
    assert exported["page"]["user_id"] == exported["state"]["user_id"] == "ann"
    assert len(exported["agent"]["memories"]) == len(exported["page"]["stated"]) + len(exported["page"]["believed"])


def test_each_thing_said_becomes_one_instruction() -> None:
    said = {
        "remember": ("POST", "memories", {"predicate": "likes", "value": "jazz"}),
        "forget": ("DELETE", "memories/m1", None),
        "set-goal": ("POST", "goals", {"name": "the trilogy", "items": ["i1", "i2"], "per_session": 2}),
        "lift-goal": ("DELETE", "goals/the%20trilogy", None),
        "undo": ("POST", "undo", None),
        "set-autonomy": ("PUT", "autonomy", {"level": 3, "action": "offers", "offers": {"quiet_from": "21:00"}}),
        "approve": ("POST", "decision", {"approve": True}),
        "reject": ("POST", "decision", {"approve": False, "proposal": "p1"}),
        "say": ("POST", "say", {"text": "no war", "timeout_ms": 0}),
    }
    with running(served()) as gateway:
        for tag, (method, path, body) in said.items():
            answer = gateway.client.request(method, f"/v1/users/ann/{path}", json=body, headers={"X-API-Key": KEY})
            assert answer.status_code in (200, 202), (tag, answer.text)
        stored = [decode(INSTRUCTIONS, record.value, now=NOW) for record in gateway.records(INSTRUCTIONS)]
    assert [str(one.__struct_config__.tag) for one in stored] == list(said)
    assert {one.user_id for one in stored} == {"ann"}


def test_what_cannot_be_said_is_refused_and_stored_nowhere() -> None:
    refused = [
        ("memories", {"predicate": "adores", "value": "jazz"}),
        ("memories", {"predicate": "likes", "value": ""}),
        ("goals", {"name": "nothing"}),
        ("memories", {"predicate": "likes", "value": "a\u0007b"}),
        ("say", {"text": ""}),
        ("decision", {}),
    ]
    with running(served()) as gateway:
        for path, body in refused:
            assert gateway.post(f"/v1/users/ann/{path}", body).status_code in (400, 422), (path, body)
        assert gateway.records(INSTRUCTIONS) == []


def test_titles_are_those_of_the_catalogue() -> None:
    built = served()
    built.topics.deliver(ITEMS, [("war-0", msgspec.json.encode(item("war-0", "war")))])
    with running(built) as gateway:
        assert gateway.get("/v1/users/ann").status_code == 200


def test_without_a_state_store_pages_are_unavailable() -> None:
    with running(build()) as gateway:
        assert gateway.get("/v1/users/ann").status_code == 503
