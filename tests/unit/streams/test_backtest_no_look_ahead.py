"""No look-ahead: later events change no list. Same seed, same output."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from msgspec.structs import replace

from deploy.embedded.environment import user_cache_dir
from schemas.interactions import Interaction, Rating, Skip
from streams.backtest.config import BacktestConfig, EventLog
from tests.unit.streams.backtest_logs import Lists, generated, played

FIRST = 250


@pytest.fixture(scope="module")
def log() -> EventLog:
    return generated()


@pytest.fixture(scope="module")
def whole(log: EventLog) -> Lists:
    return played(log)[0]


def test_lists_differ_between_users_and_times(whole: Lists) -> None:
    """Otherwise the tests below would hold for a system that does nothing."""
    assert len(set(whole.upto(FIRST).values())) > FIRST / 2


def test_lists_are_the_same_when_the_rest_is_cut(log: EventLog, whole: Lists) -> None:
    cut = replace(log, rows=FIRST, events=log.events[:FIRST])
    assert played(cut)[0].by_index == whole.upto(FIRST)


def test_lists_are_the_same_when_the_rest_is_shuffled(log: EventLog, whole: Lists) -> None:
    assert played(shuffled(log, FIRST))[0].upto(FIRST) == whole.upto(FIRST)


def test_lists_are_the_same_without_the_items_that_appear_only_later(log: EventLog, whole: Lists) -> None:
    lists, _ = played(replace(log, items=known_items(log, FIRST)))
    assert lists.upto(FIRST) == whole.upto(FIRST)
    assert len(known_items(log, FIRST)) < len(log.items)


def test_lists_change_when_the_past_does(log: EventLog, whole: Lists) -> None:
    """The comparison detects a difference."""
    assert played(shuffled(log, FIRST // 2))[0].upto(FIRST) != whole.upto(FIRST)


def test_the_same_seed_gives_the_same_rows_and_another_one_does_not(log: EventLog, whole: Lists) -> None:
    lists, first = played(log)
    assert lists.by_index == whole.by_index
    other, second = played(log, BacktestConfig(warm_up=0.0, seed=7))
    assert other.by_index != whole.by_index
    columns = ("user", "at", "user_events", "item_events", "basket")
    assert all(np.array_equal(first.rows[name], second.rows[name]) for name in columns)


@pytest.mark.slow
def test_there_is_no_look_ahead_on_real_events() -> None:
    log, first = movielens_log(1_600), 800
    lists = played(log)[0].upto(first)
    assert played(replace(log, rows=first, events=log.events[:first]))[0].by_index == lists
    assert played(replace(shuffled(log, first), items=known_items(log, first)))[0].upto(first) == lists


def movielens_log(limit: int) -> EventLog:
    from deploy.backtest_source import log_of
    from deploy.demo.movielens import movielens
    from deploy.files.checking import load, open_files
    from deploy.files.options import Typed

    data = movielens(user_cache_dir())
    typed = Typed(events=data.events, items=data.items, limit=limit)
    return log_of(data.events.name, load(open_files(typed, now=2e9)))


def shuffled(log: EventLog, first: int) -> EventLog:
    """Return the log with users and items of the later events in random order, at the same times."""
    rest = [event for _, event in log.events[first:]]
    others = random.Random(1).sample(rest, len(rest))
    moved = [replace(other, event_time=event.event_time) for event, other in zip(rest, others, strict=True)]
    return replace(log, events=[*log.events[:first], *enumerate(moved, first)])


def known_items(log: EventLog, first: int) -> list:  # type: ignore[type-arg]
    """Return the catalogue without items that appear in later events only or become available later."""
    met = {event.item_id for _, event in log.events[:first] if has_item(event)}
    end = log.events[first - 1][1].event_time
    return [item for item in log.items if item.item_id in met or (item.available_from or math.inf) <= end]


def has_item(event: Interaction) -> bool:
    return isinstance(event, Rating | Skip)
