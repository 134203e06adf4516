"""Item statistics as Flink SQL: fills in `item_statistics.sql` from the tables of half-lives.

A decayed count is a sum of weights, each raised by its event time: weight · 2^((event time - landmark) / half-life). As
of `at` it is that sum times 2^((landmark - at) / half-life). Doubles reach over `REACH` half-lives on either side of a
landmark. So long half-lives have one landmark for all times that are accepted, and short ones one per bucket of time,
of which the newest are added up.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, inf
from pathlib import Path

from features.contributions import EARLIER_ITEMS_LIMIT
from features.decay import DAY
from features.half_lives import (
    COVISIT_HALF_LIFE,
    POPULARITY_SECONDS,
    SEGMENT_SECONDS,
    SUPPORT_ORDER,
    TRANSITION_HALF_LIFE,
)
from features.statistics import LATEST, NEIGHBOURS, PREDECESSORS, RANK_DECAY
from features.user_segment import SEGMENTS
from schemas.bounds import LARGEST_COUNT
from schemas.codec import EARLIEST, LATEST_AHEAD_SECONDS
from schemas.errors import LifelongError

TEMPLATE = Path(__file__).with_name("item_statistics.sql")
LANDMARK = 1_514_764_800.0
"""2018-01-01: the time from which long half-lives are counted, and buckets of short ones are numbered."""
REACH = 950.0
"""How many half-lives an event may be from its landmark: doubles hold 2^±1022, and sums grow too."""
SPAN = 25 * 365.25 * DAY
"""How far from `LANDMARK` event times may be, in seconds: 1993 to 2043, of which the codec accepts 1995 to now."""
LONG = SPAN / REACH
"""Half-lives from here on (9.6 days) need one landmark alone."""
FADED = 64.0
"""After how many half-lives a bucket is left out: what it holds is below the precision of doubles."""
Options = Mapping[str, str]
_LANDMARK = f"{LANDMARK!r}E0"


class UnsupportedHalfLife(LifelongError):
    """A half-life is too short for what Flink computes with it."""


def statements(source: Options, sink: Options, *, metadata: bool = True) -> list[str]:
    """Return the statements that define the job; the last one is the `INSERT`, which runs until it is cancelled.

    `source` and `sink` are the options of the tables' connectors. Without `metadata` the source has plain
    columns `log_partition` and `log_offset` instead: for connectors other than Kafka's.

    Raises:
        UnsupportedHalfLife: the half-life of co-visits or transitions is below `LONG`.
    """
    text = "\n".join(line for line in TEMPLATE.read_text().splitlines() if not line.lstrip().startswith("--"))
    filled = text.format(
        source=_options(source),
        sink=_options(sink),
        partition=" METADATA FROM 'partition' VIRTUAL" if metadata else "",
        offset=" METADATA FROM 'offset' VIRTUAL" if metadata else "",
        landmark=_LANDMARK,
        earliest=_double(EARLIEST),
        ahead=_double(LATEST_AHEAD_SECONDS),
        largest_count=_double(LARGEST_COUNT),
        neighbours=NEIGHBOURS,
        predecessors=PREDECESSORS,
        **_items(),
        **_buckets(),
        **_pairs(),
        **_row(),
    )
    return [statement.strip() for statement in filled.split(";\n") if statement.strip()]


def _counts() -> dict[str, tuple[float, str]]:
    """Return every decayed count by the name of its column: its half-life, and what a delta adds to it before decay."""
    counts = {f"p{index}": (seconds, _weight(index)) for index, seconds in enumerate(POPULARITY_SECONDS)}
    for name in SEGMENTS:
        for index, seconds in enumerate(SEGMENT_SECONDS):
            weight = f"(CASE WHEN situation = '{name}' THEN {_added(seconds)} ELSE 0E0 END)"
            counts[f"{name}{index}"] = (seconds, weight)
    return counts


def _items() -> dict[str, str]:
    """Return what the sums per item are filled in with: counts of long half-lives, lowered to the newest event."""
    long = {name: count for name, count in _counts().items() if count[0] >= LONG}
    sums = {name: f"SUM({weight} * {_raised(seconds, _LANDMARK)})" for name, (seconds, weight) in long.items()}
    chosen = {f"n_{name}": f"COUNT(*) FILTER (WHERE situation = '{name}')" for name in SEGMENTS}
    lowered = {name: f"{name} * {_lowered(seconds, _LANDMARK)}" for name, (seconds, _) in long.items()}
    plain = ("latest", "first_at", "pace", "value_sum", "people")
    columns = dict.fromkeys(("folded", "newest_arrival", "value_count", *chosen), "BIGINT") | dict.fromkeys(
        (*plain, *lowered), "DOUBLE"
    )
    return {
        "people_added": _added(inf, most=1.0),
        "long_sums": _named({**sums, **chosen}),
        "item_columns": ", ".join(lowered.get(name, name) for name in columns),
        "item_type": _row_type(columns),
        "covisit_scale": _lowered(COVISIT_HALF_LIFE.seconds, _LANDMARK),
        "transition_scale": _lowered(TRANSITION_HALF_LIFE.seconds, _LANDMARK),
    }


def _buckets() -> dict[str, str]:
    """Return what the sums per bucket of time are filled in with: counts of short half-lives."""
    landmark = f"({_LANDMARK} + (bucket + 0.5E0) * {_double(bucket_seconds())})"
    short = {name: count for name, count in _counts().items() if count[0] < LONG}
    sums = {name: f"SUM({weight} * {_raised(seconds, landmark)})" for name, (seconds, weight) in short.items()}
    return {
        "bucket_seconds": _double(bucket_seconds()),
        "bucket_count": str(bucket_count()),
        "bucket_sums": _named(sums),
        "bucket_columns": ", ".join((landmark, "newest_arrival", "latest", *sums)),
        "bucket_type": _row_type(
            {"landmark": "DOUBLE", "newest_arrival": "BIGINT"} | dict.fromkeys(("latest", *sums), "DOUBLE")
        ),
        "bucket_arrivals": _of_buckets("COALESCE({bucket}.newest_arrival, 0)"),
        "bucket_latest": _of_buckets("COALESCE({bucket}.latest, 0E0)"),
    }


def _of_buckets(expression: str) -> str:
    return ", ".join(expression.format(bucket=f"time_buckets[{index}]") for index in range(1, bucket_count() + 1))


def _pairs() -> dict[str, str]:
    """Return what the sums per pair of items are filled in with."""
    for half_life in (COVISIT_HALF_LIFE, TRANSITION_HALF_LIFE):
        if half_life.seconds < LONG:
            raise UnsupportedHalfLife(
                f"a half-life of {half_life.name!r} for co-visits or transitions: Flink keeps one landmark for them, "
                f"which takes half-lives of {LONG / DAY:.0f} days or more; raise it, or use the Python aggregator"
            )
    return {
        "covisit_weight": _neighbour_weight(COVISIT_HALF_LIFE.seconds),
        "transition_weight": _neighbour_weight(TRANSITION_HALF_LIFE.seconds),
        "discounted": _discounted(),
        "neighbour_type": _row_type({"item_id": "STRING", "weight": "DOUBLE"}),
    }


def _row() -> dict[str, str]:
    """Return what the columns of the published row are filled in with."""
    segments = (
        f"CASE WHEN item.n_{name} > 0 THEN ARRAY["
        + ", ".join(_total(f"{name}{index}", seconds) for index, seconds in enumerate(SEGMENT_SECONDS))
        + "] END"
        for name in SEGMENTS
    )
    return {
        "segment_columns": ", ".join(f"`{name}` ARRAY<DOUBLE>" for name in SEGMENTS),
        "popularity": ",\n    ".join(_total(f"p{index}", seconds) for index, seconds in enumerate(POPULARITY_SECONDS)),
        "segments": ",\n    ".join(segments),
        "covisits": _weights("covisits", NEIGHBOURS, "covisit_scale"),
        "transitions": _weights("transitions", PREDECESSORS, "transition_scale"),
    }


def bucket_seconds() -> float:
    """Return the width of a bucket of time, in which the shortest half-life reaches from the middle to either end."""
    return 2 * REACH * min(_short_half_lives())


def bucket_count() -> int:
    """Return how many of an item's newest buckets are added up: the longest of the short half-lives has faded then."""
    return 1 + ceil(FADED * max(_short_half_lives()) / bucket_seconds())


def _short_half_lives() -> list[float]:
    return [seconds for seconds in (*POPULARITY_SECONDS, *SEGMENT_SECONDS) if seconds < LONG]


def _weight(index: int) -> str:
    """Return what a delta adds to a count of popularity: new accounts count less, where support is counted."""
    added = _added(POPULARITY_SECONDS[index])
    return f"account * {added}" if index == SUPPORT_ORDER else added


def _added(half_life: float, *, most: float = LARGEST_COUNT) -> str:
    """Return `features.statistics.added` as SQL."""
    weight, counted = f"LEAST({_double(most)}, weight)", f"LEAST({_double(most)}, counted)"
    if half_life < inf:
        counted += f" * POWER(2E0, LEAST({_double(LATEST)}, -since / {_double(half_life)}))"
    return f"(CASE WHEN counted <= 0 THEN {weight} ELSE GREATEST(0E0, {weight} - {counted}) END)"


def _neighbour_weight(half_life: float) -> str:
    return f"account * {_added(half_life, most=1.0)} * {_raised(half_life, _LANDMARK)}"


def _discounted() -> str:
    """Return a map of the delta's earlier items with their weights, each discounted by its rank."""
    ranks = range(EARLIER_ITEMS_LIMIT)
    items = ", ".join(f"`before`[{rank + 1}][1]" for rank in ranks)
    weights = ", ".join(f"covisit_weight * {_double(RANK_DECAY**rank)}" for rank in ranks)
    count = f"LEAST(CARDINALITY(`before`), {EARLIER_ITEMS_LIMIT})"
    return f"MAP_FROM_ARRAYS(ARRAY_SLICE(ARRAY[{items}], 1, {count}), ARRAY_SLICE(ARRAY[{weights}], 1, {count}))"


def _raised(half_life: float, landmark: str) -> str:
    return f"POWER(2E0, (event_time - {landmark}) / {_double(half_life)})"


def _lowered(half_life: float, landmark: str, latest: str = "latest") -> str:
    return f"POWER(2E0, ({landmark} - {latest}) / {_double(half_life)})"


def _total(column: str, half_life: float) -> str:
    """Return a count as of the item's newest event: for short half-lives, of its newest buckets together."""
    if half_life >= LONG:
        return f"item.{column}"
    buckets = [f"time_buckets[{index}]" for index in range(1, bucket_count() + 1)]
    lowered = (_lowered(half_life, f"{bucket}.landmark", "item.latest") for bucket in buckets)
    return " + ".join(f"COALESCE({bucket}.{column} * {by}, 0E0)" for bucket, by in zip(buckets, lowered, strict=True))


def _weights(array: str, size: int, scale: str) -> str:
    """Return a map of the neighbours in an array of at most `size`, with their weights lowered.

    SQL has no function that applies an expression to each element of an array, so every element is written out.
    """
    indexes = range(1, size + 1)
    count = f"CARDINALITY({array})"
    items = ", ".join(f"{array}[{index}].item_id" for index in indexes)
    weights = ", ".join(f"{array}[{index}].weight * {scale}" for index in indexes)
    return f"MAP_FROM_ARRAYS(ARRAY_SLICE(ARRAY[{items}], 1, {count}), ARRAY_SLICE(ARRAY[{weights}], 1, {count}))"


def _named(expressions: Mapping[str, str]) -> str:
    return ",\n  ".join(f"{expression} AS `{name}`" for name, expression in expressions.items())


def _row_type(columns: Mapping[str, str]) -> str:
    return "ROW<" + ", ".join(f"`{name}` {kind}" for name, kind in columns.items()) + ">"


def _options(options: Options) -> str:
    quoted = ((name.replace("'", "''"), value.replace("'", "''")) for name, value in options.items())
    return ",\n".join(f"  '{name}' = '{value}'" for name, value in quoted)


def _double(value: float) -> str:
    """Return a number as SQL reads a DOUBLE; without an exponent it would be a DECIMAL.

    >>> _double(0.25), _double(1e300)
    ('0.25E0', '1e+300')
    """
    return repr(value) if "e" in repr(value) else f"{value!r}E0"
