"""Every record is applied or becomes a dead letter, and accepted records keep every number finite."""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from deploy.gateway import ids
from deploy.gateway.problems import Problem
from features.user_state import UserState, fold
from features.views import user_row
from inference.query import Query
from schemas.bounds import LARGEST_AMOUNT, LARGEST_COUNT
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.ids import EventId, ItemId, UserId
from schemas.interactions import Dwell, Purchase, Rating
from schemas.topics import BY_NAME, INSTRUCTIONS, INTERACTIONS, ITEMS
from tests.builders import START, item, make_deps
from tests.fuzz.__main__ import fuzz
from tests.fuzz.corpus import key_of, valid
from tests.fuzz.guards import GUARDS

NOW = START + 1e6


@pytest.mark.parametrize("process", GUARDS)
def test_every_mutated_record_is_applied_or_set_aside_and_the_process_goes_on(process: str) -> None:
    counts = fuzz(process, 2_000, seed=7)
    assert counts.adds_up
    assert counts.accepted
    assert counts.letters or counts.passed
    assert not counts.faults


@pytest.mark.parametrize("topic", BY_NAME)
def test_every_message_type_is_read_as_it_was_written(topic: str) -> None:
    for record in valid(topic):
        assert decode(topic, encode(record), now=NOW) == record
        assert key_of(record) is None or key_of(record)


_amounts = some.floats(-LARGEST_AMOUNT, LARGEST_AMOUNT)
_counts = some.floats(0, LARGEST_COUNT)
_events = some.lists(
    some.one_of(
        some.builds(dict, type=some.just(Rating), value=_amounts),
        some.builds(dict, type=some.just(Dwell), seconds=_counts),
        some.builds(
            dict, type=some.just(Purchase), quantity=_counts, price=some.none() | some.floats(0, LARGEST_AMOUNT)
        ),
    ),
    max_size=12,
)


def state_after(events: list[dict[str, Any]]) -> UserState:
    state = UserState(user_id=UserId("ann"))
    for number, fields in enumerate(events):
        kind, rest = fields["type"], {name: value for name, value in fields.items() if name != "type"}
        event = kind(
            event_id=EventId(f"e{number}"),
            user_id=UserId("ann"),
            event_time=START + number,
            item_id=ItemId(f"tea-{number % 4}"),
            **rest,
        )
        state = fold(state, decode(INTERACTIONS, encode(event), now=NOW))
    return state


@given(_events)
@settings(max_examples=60)
def test_accepted_events_give_finite_features_and_scores_and_a_list(events: list[dict[str, Any]]) -> None:
    deps = make_deps()
    for number in range(6):
        deps.table.put_item(item(f"tea-{number}", "tea"))
    state = state_after(events)
    assert all(isfinite(value) for value in user_row(state).values())
    assert isfinite(state.value_sum)
    [ranking] = deps.recommender.rank([Query(user=state, now=START + 100.0)])
    assert np.isfinite(ranking.features).all()
    assert ranking.slate
    assert all(isfinite(placed.score) for placed in ranking.slate)
    assert ranking.degradations == ()


@given(some.floats())
def test_an_accepted_value_can_be_summed_and_squared(value: float) -> None:
    event = {"type": "rating", "event_id": "e", "user_id": "u", "event_time": START, "item_id": "i", "value": value}
    try:
        rating = decode(INTERACTIONS, msgspec.json.encode(event), now=NOW)
    except DecodeError:
        assert not isfinite(value) or abs(value) > LARGEST_AMOUNT
    else:
        assert isfinite(rating.value**2 * 1e15)


def accepted_by(text: str, field: str) -> list[bool]:
    """Return which decoders accept this text as the id of an item or of a user."""
    fields: dict[str, Any] = {"event_id": "e", "user_id": "u", "event_time": START, "item_id": "i"} | {field: text}
    decoders = [lambda: decode(INTERACTIONS, msgspec.json.encode({"type": "like", **fields}), now=NOW)]
    decoders.append(lambda: decode(INSTRUCTIONS, msgspec.json.encode({"type": "ban-item", **fields}), now=NOW))
    decoders.append(lambda: (ids.user_id if field == "user_id" else ids.item_id)(text.replace("/", ids.SLASH)))
    if field == "item_id":
        decoders.append(lambda: decode(ITEMS, msgspec.json.encode({"item_id": text}), now=NOW))
    accepted = []
    for accept in decoders:
        try:
            accept()
        except (DecodeError, Problem):
            accepted.append(False)
        else:
            accepted.append(True)
    return accepted


_texts = some.one_of(
    some.text(max_size=4),
    some.sampled_from(
        [" ", "a/b", "/", "%2F", "@default", "@default/x", " @default", "a\nb", "a\n", "é", "\x7f", "\x85"]
    ),
    some.text("ab", min_size=250, max_size=260),
)


@given(_texts, some.sampled_from(["user_id", "item_id"]))
def test_an_id_is_accepted_by_every_decoder_or_by_none(text: str, field: str) -> None:
    if ids.SLASH in text:  # how a slash travels inside the gateway; no id holds it
        assert not any(accepted_by(text, field)[:2])
        return
    assert len(set(accepted_by(text, field))) == 1
