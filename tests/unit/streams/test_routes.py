"""The projector's and the gateway's handlers, called by the routing table with single records."""

from __future__ import annotations

from math import inf

import pytest

from schemas.codec import encode
from schemas.errors import DecodeError
from schemas.ids import DEFAULT_USER, ListId, UserId
from schemas.memories import memory_key
from schemas.recommendations import Recommendation, Slate
from schemas.record import Record
from schemas.topics import ITEMS, MEMORIES, MODEL_UPDATES, RANKING_LOG, RECOMMENDATIONS
from streams.log.records import Inbound
from streams.outcomes.projection import NOTHING, Projection
from streams.outcomes.view_update import ItemUpdate, ListUpdate, ViewUpdate
from streams.routes import GATEWAY, PROJECTOR
from tests.builders import START, item, memory
from tests.unit.streams.trainer_fixtures import choice


def record(topic: str, key: str | bytes | None, value: Record | bytes | None) -> Inbound:
    return Inbound(
        topic=topic,
        partition=0,
        offset=0,
        key=key.encode() if isinstance(key, str) else key,
        value=encode(value) if isinstance(value, Record) else value,
        timestamp=START,
    )


def projected(inbound: Inbound) -> Projection:
    return PROJECTOR[inbound.topic](inbound, now=START)


def viewed(inbound: Inbound, *, caught_up: bool = True) -> ViewUpdate:
    return GATEWAY[inbound.topic](inbound, now=START, caught_up=caught_up)


def published(user: str, **stages: float) -> Recommendation:
    return Recommendation(
        user_id=UserId(user),
        version=1,
        slates=(Slate(list_id=ListId("l1"), surface="home", items=()),),
        event_time=START,
        expires_at=START + 60,
        stages=stages,
    )


def test_an_item_is_indexed_and_a_withdrawn_one_is_dropped() -> None:
    war = item("war-1", "war")
    assert projected(record(ITEMS, "war-1", war)) == Projection(item=war)
    assert projected(record(ITEMS, "war-1", None)) == Projection(withdrawn=war.item_id)


def test_a_memory_is_indexed() -> None:
    liking = memory("ann", "war")
    assert projected(record(MEMORIES, memory_key(liking.user_id, liking.memory_id), liking)).memory == liking


def test_a_choice_projects_nothing_and_is_not_even_decoded() -> None:
    assert projected(record(RANKING_LOG, "ann", choice(1))) is NOTHING
    assert projected(record(RANKING_LOG, "ann", b'{"type":"choice"')) is NOTHING


@pytest.mark.parametrize("topic", [ITEMS, MEMORIES, MODEL_UPDATES, RANKING_LOG])
def test_what_is_no_message_of_its_topic_is_refused(topic: str) -> None:
    with pytest.raises(DecodeError):
        projected(record(topic, "a", b"{}"))


def test_the_view_holds_entries_with_their_windows() -> None:
    war = item("war-1", "war")
    entry = record(ITEMS, "war-1", war)
    assert war.available_from is not None
    assert viewed(entry) == ItemUpdate(war.item_id, entry.value, (war.available_from, inf))
    assert viewed(record(ITEMS, "war-1", None)) == ItemUpdate(war.item_id, None)


def test_lists_are_decoded_once_the_topic_was_read_to_its_end() -> None:
    broken = record(RECOMMENDATIONS, "ann", b"{}")
    assert viewed(broken, caught_up=False) == ListUpdate("ann", b"{}")
    with pytest.raises(DecodeError):
        viewed(broken)


def test_the_non_personalised_list_tells_how_far_the_stream_lags() -> None:
    update = viewed(record(RECOMMENDATIONS, DEFAULT_USER, published(DEFAULT_USER, received=START + 7.0)))
    assert isinstance(update, ListUpdate)
    assert update.lag == 7.0
    assert viewed(record(RECOMMENDATIONS, "ann", published("ann", received=START + 7.0))).lag is None  # type: ignore[union-attr]


def test_a_key_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(DecodeError, match="utf-8"):
        viewed(record(RECOMMENDATIONS, b"\xff", published("ann")))
