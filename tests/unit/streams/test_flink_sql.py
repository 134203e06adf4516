"""The SQL of item statistics follows from the tables of messages and half-lives."""

from __future__ import annotations

import re

import msgspec

from features.half_lives import COVISIT_HALF_LIFE, POPULARITY_SECONDS, SEGMENT_SECONDS, TRANSITION_HALF_LIFE
from schemas.codec import EARLIEST
from schemas.statistics import ItemDelta, ItemStatistics
from streams.flink.item_statistics import (
    FADED,
    LANDMARK,
    LONG,
    REACH,
    SPAN,
    bucket_count,
    bucket_seconds,
    statements,
)


def columns(statement: str) -> set[str]:
    """Return the columns that a table has of its own."""
    names = re.findall(r"^  `?(\w+)`? [A-Z]", statement.partition(") WITH")[0], re.MULTILINE)
    return {name for name in names if name not in {"PRIMARY", "arrived", "log_key", "log_partition", "log_offset"}}


def test_the_published_row_has_every_field_of_item_statistics() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(ItemStatistics)}
    assert columns(statements({}, {})[1]) == fields


def test_what_is_read_are_fields_of_item_deltas() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(ItemDelta)}
    assert fields - columns(statements({}, {})[0]) == {"user_id"}


def test_no_weight_overflows_from_1995_to_2043() -> None:
    assert LANDMARK - SPAN <= EARLIEST
    for seconds in (*POPULARITY_SECONDS, *SEGMENT_SECONDS, COVISIT_HALF_LIFE.seconds, TRANSITION_HALF_LIFE.seconds):
        reach = SPAN if seconds >= LONG else bucket_seconds() / 2
        assert reach / seconds <= REACH
        assert 2.0 ** (reach / seconds) * 1e9 < float("inf")


def test_what_is_older_than_the_newest_buckets_has_faded() -> None:
    longest = max(seconds for seconds in (*POPULARITY_SECONDS, *SEGMENT_SECONDS) if seconds < LONG)
    assert (bucket_count() - 1) * bucket_seconds() / longest >= FADED


def test_every_half_life_decays_a_column() -> None:
    text = "\n".join(statements({}, {}))
    for seconds in (*POPULARITY_SECONDS, *SEGMENT_SECONDS, COVISIT_HALF_LIFE.seconds, TRANSITION_HALF_LIFE.seconds):
        assert f"/ {seconds!r}E0" in text


def test_a_row_whose_buckets_are_ahead_of_the_items_newest_event_has_no_version() -> None:
    latest = ", ".join(f"COALESCE(time_buckets[{index}].latest, 0E0)" for index in range(1, bucket_count() + 1))
    assert f"WHEN GREATEST({latest}) > item.latest THEN CAST(NULL AS BIGINT)" in statements({}, {})[-1]


def test_options_are_quoted() -> None:
    assert "'password' = 'it''s'" in statements({"password": "it's"}, {})[0]
