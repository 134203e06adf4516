"""Logs from topics: in event-time order, and nothing silently dropped."""

from __future__ import annotations

import random

from deploy.backtest_source import from_records
from schemas.codec import encode
from schemas.topics import INTERACTIONS
from streams.backtest.config import BacktestConfig
from streams.backtest.results import backtest_results
from streams.log.in_memory_log import InMemoryLog
from tests.builders import START, click
from tests.unit.streams.backtest_logs import generated, played

NOW = START + 1e8


def topic(*values: tuple[str, bytes | None], produced: float = NOW) -> InMemoryLog:
    log = InMemoryLog(person_partitions=4, item_partitions=4, clock=lambda: produced)
    for key, value in values:
        log.append(INTERACTIONS, key, value)
    return log


def test_records_come_in_event_time_order_whatever_their_partitions() -> None:
    events = [event for _, event in generated(60).events]
    moved = random.Random(2).sample(events, len(events))
    records = topic(*((event.user_id, encode(event)) for event in moved)).records(INTERACTIONS)
    log = from_records(records, "t", limit=None, now=NOW)
    times = [event.event_time for _, event in log.events]
    assert times == sorted(times)
    assert [index for index, _ in log.events] == list(range(60))
    assert from_records(records, "t", limit=7, now=NOW).events == log.events[:7]


def test_a_record_that_is_no_event_is_counted_and_keeps_its_index() -> None:
    good = [click("ann", "a", at=0.0), click("ann", "b", at=20.0)]
    values = [*((event.user_id, encode(event)) for event in good), ("bob", b"{}"), ("eve", None)]
    records = topic(*values, produced=START + 10.0).records(INTERACTIONS)
    log = from_records(records, "t", limit=None, now=NOW)
    assert (log.rows, [index for index, _ in log.events]) == (4, [0, 3])
    assert sorted(reason.split(":")[0] for reason in log.refused) == ["empty", "invalid"]


def test_duplicate_events_are_counted() -> None:
    events = [event for _, event in generated(60).events]
    records = topic(*((event.user_id, encode(event)) for event in [*events, *events[:20]])).records(INTERACTIONS)
    log = from_records(records, "t", limit=None, now=NOW)
    _, outcome = played(log)
    results = backtest_results(log, BacktestConfig(warm_up=0.0), outcome)
    assert results.unused == {"an event of this id was applied before": 18}
    assert results.choices == results.evaluated + 18


def test_an_event_ahead_of_its_record_is_read_as_by_the_worker() -> None:
    ahead = click("ann", "a", at=7_200.0)
    records = topic((ahead.user_id, encode(ahead)), produced=START).records(INTERACTIONS)
    [(_, event)] = from_records(records, "t", limit=None, now=NOW).events
    assert event.event_time == START
