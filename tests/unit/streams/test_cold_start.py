"""What content is worth for new items: arms that differ in content alone, and launches that show nothing else early."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from deploy.settings import Settings
from deploy.wiring import make_system_config
from schemas.interactions import Rating
from schemas.item_perceptions import Embedding, ItemPerception
from streams.backtest.cold_start import (
    BOTH,
    NO_CONTENT,
    PICTURES,
    SHUFFLED,
    WITHOUT_MAP,
    WORDS,
    cold_start_arms,
    earlier_choices,
    has_words,
    launched,
    offered_items,
)
from streams.backtest.config import BacktestConfig, EventLog
from tests.unit.streams.backtest_logs import HOUR, generated, played

PLAN = BacktestConfig()
WITH_MAP = Settings.model_validate({"ranking": {"content_map": True}})


@pytest.fixture(scope="module")
def log() -> EventLog:
    return generated(200)


def seen(log: EventLog) -> list[ItemPerception]:
    embedding = Embedding(encoder="e/1", vector=np.ones(4, "<f2").tobytes())
    return [ItemPerception(item_id=item.item_id, content="", text=embedding, image=embedding) for item in log.items]


def choices(log: EventLog) -> list[Rating]:
    return [event for _, event in log.events if isinstance(event, Rating)]


def arms_of(log: EventLog) -> tuple[dict[str, EventLog], dict[str, str]]:
    arms, left_out = cold_start_arms(log, make_system_config(WITH_MAP), PLAN)
    return {name: arm.log for name, arm in arms.items()}, left_out


def test_without_pictures_their_arms_are_left_out_with_the_reason(log: EventLog) -> None:
    arms, left_out = arms_of(log)
    assert [*arms] == [NO_CONTENT, WORDS, SHUFFLED, WITHOUT_MAP]
    assert {*left_out} == {PICTURES, BOTH}


def test_arms_differ_in_content_alone(log: EventLog) -> None:
    arms, left_out = arms_of(replace(log, perceptions=seen(log)))
    assert ([*arms], left_out) == ([NO_CONTENT, WORDS, PICTURES, BOTH, SHUFFLED, WITHOUT_MAP], {})
    for name, arm in arms.items():
        assert arm.events == log.events
        assert [item.item_id for item in arm.items] == [item.item_id for item in log.items]
        assert [item.available_from for item in arm.items] == [item.available_from for item in log.items]
        assert any(map(has_words, arm.items)) == (name not in (NO_CONTENT, PICTURES))
        assert any(one.image for one in arm.perceptions) == (name in (PICTURES, BOTH, SHUFFLED, WITHOUT_MAP))
        assert any(one.text for one in arm.perceptions) == (name in (WORDS, BOTH, SHUFFLED, WITHOUT_MAP))


def test_shuffled_items_have_the_content_of_others(log: EventLog) -> None:
    arms, _ = arms_of(replace(log, items=[replace(item, title=item.item_id) for item in log.items]))
    offered = {item.item_id for item in offered_items(log)}
    assert {event.item_id for event in choices(log)} <= offered
    titles = {item.item_id: item.title for item in arms[SHUFFLED].items if item.item_id in offered}
    assert set(titles.values()) == offered
    assert [item for item, title in titles.items() if item == title] == []


def test_launched_items_are_there_before_their_first_choice_and_others_as_before(log: EventLog) -> None:
    first: dict[str, float] = {}
    for event in choices(log):
        first.setdefault(event.item_id, event.event_time)
    for item, before in zip(launched(log, 24.0).items, log.items, strict=True):
        at = before.available_from
        if at is None and item.item_id in first:
            at = first[item.item_id] - 24.0 * HOUR
        assert item == replace(before, available_from=at)


def test_choices_of_an_item_are_counted_from_the_log(log: EventLog) -> None:
    earlier, names = earlier_choices(log), [event.item_id for event in choices(log)]
    rows = [index for index, event in log.events if isinstance(event, Rating)]
    assert [int(earlier[row]) for row in rows] == [names[:n].count(name) for n, name in enumerate(names)]


def test_lists_with_the_map_do_not_depend_on_what_comes_later() -> None:
    log = generated(90)
    early = launched(replace(log, perceptions=seen(log)), 24.0)
    whole, _ = played(early, settings=WITH_MAP)
    cut, _ = played(replace(early, rows=60, events=early.events[:60]), settings=WITH_MAP)
    assert cut.by_index == whole.upto(60)
