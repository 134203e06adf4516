"""Records that once stopped a partition, or could: topic, key, value, and the reason of their dead letter."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec

from features.views import feature_schema_id
from inference.ranking.features import FeatureTable
from schemas.ids import ItemId
from schemas.memories import Memory
from schemas.topics import (
    INSTRUCTIONS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_STATISTICS,
    ITEMS,
    MEMORIES,
    MISROUTED,
    MODEL_UPDATES,
    RANK_REQUESTS,
    RANKING_LOG,
    RECOMMENDATIONS,
)
from tests.builders import memory

AT = 1_790_000_000.0
COLUMNS = FeatureTable().columns
FEATURES = b64encode(bytes(4 * 2 * len(COLUMNS))).decode()
MEMORY: dict[str, Any] = msgspec.to_builtins(memory("p", "Drama", valid_from=AT, recorded_from=AT))
GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    INTERACTIONS: ("p", {"type": "click", "event_id": "x", "user_id": "p", "event_time": AT, "item_id": "i1"}),
    INSTRUCTIONS: ("p", {"type": "more-of", "event_id": "x", "user_id": "p", "event_time": AT, "category": "Drama"}),
    RANK_REQUESTS: ("p", {"event_id": "x", "user_id": "p", "event_time": AT}),
    MISROUTED: ("p", {"topic": INTERACTIONS, "partition": 0, "offset": 0, "value": b64encode(b"{}").decode()}),
    ITEMS: ("new", {"item_id": "new", "title": "New", "categories": ["Drama"], "available_from": 0}),
    ITEM_STATISTICS: (
        "i1",
        {"item_id": "i1", "version": 1, "at": AT, "first_at": AT, "count": 1, "popularity": [], "feature_time": AT},
    ),
    ITEM_DELTAS: ("i1", {"item_id": "i1", "source": "x-0", "offset": 0, "event_time": AT, "weight": 1.0}),
    RECOMMENDATIONS: (
        "p",
        {
            "user_id": "p",
            "version": 1,
            "slates": [{"list_id": "l", "surface": "home", "items": []}],
            "event_time": AT,
            "expires_at": AT,
        },
    ),
    MEMORIES: (f"p/{MEMORY['memory_id']}", MEMORY),
    RANKING_LOG: (
        "p",
        {
            "type": "choice",
            "entry_id": "c",
            "user_id": "p",
            "event_time": AT,
            "event_id": "x",
            "item_id": "i1",
            "table": feature_schema_id(COLUMNS),
            "items": ["i1", "i2"],
            "features": FEATURES,
            "chosen": 0,
            "rank": 1,
            "seen_before": False,
            "model_version": 1,
        },
    ),
    MODEL_UPDATES: (
        "ranker",
        {
            "model": "ranker",
            "version": 1,
            "uri": "",
            "table": "",
            "score": 0.0,
            "metric": "mrr",
            "examples": 0,
            "decision": "continued",
            "reason": "",
        },
    ),
}
"""A key and a value of each topic that a process reads; a change of a field makes it poison."""
TIMES = {ITEM_STATISTICS: "at", MEMORIES: "recorded_from", MODEL_UPDATES: "wall_time", RECOMMENDATIONS: "expires_at"}
KEYED = (ITEM_STATISTICS, ITEM_DELTAS, RECOMMENDATIONS, MEMORIES, MODEL_UPDATES, ITEMS)

Poison = tuple[str, bytes | str | None, bytes | None, str]


def poisoned(topic: str, /, **changed: object) -> tuple[str, str, bytes]:
    """Return topic, key and value of a good record with these fields changed."""
    key, value = GOOD[topic]
    return topic, key, json.dumps(value | changed).encode()


def without(topic: str, field: str) -> tuple[str, str, bytes]:
    """Return topic, key and value of a good record without a field."""
    key, value = GOOD[topic]
    return topic, key, json.dumps({name: part for name, part in value.items() if name != field}).encode()


def poison_table() -> dict[str, Poison]:
    """Return all poison records by their fault."""
    return _anywhere() | _users() | _tables() | _learning()


def _anywhere() -> dict[str, Poison]:
    timed = [topic for topic in GOOD if topic in TIMES or "event_time" in GOOD[topic][1]]
    poison: dict[str, Poison] = {}
    for topic in GOOD:
        poison[f"{topic}: no JSON"] = (topic, GOOD[topic][0], b"\x00\xff", "not-json")
        poison[f"{topic}: nested too deep"] = (topic, GOOD[topic][0], _nested(topic), "not-json")
    for topic in timed:
        far = {TIMES.get(topic, "event_time"): 1e308}
        poison[f"{topic}: a time of 1e308"] = (*poisoned(topic, **far), "invalid")
    for topic in KEYED:
        _, _, value = poisoned(topic)
        poison[f"{topic}: another key"] = (topic, "another", value, "wrong-key")
        poison[f"{topic}: a key that is not UTF-8"] = (topic, b"\xff\xfe", value, "wrong-key")
        poison[f"{topic}: an empty key"] = (topic, b"", value, "wrong-key")
    return poison


def _nested(topic: str) -> bytes:
    return b'{"pad":' + b"[" * 100_000 + b"," + poisoned(topic)[2][1:]


def _users() -> dict[str, Poison]:
    rating = poisoned(INTERACTIONS, type="rating", value=1.7e308)
    ban = poisoned(INSTRUCTIONS, type="ban-category", user_id="@default")
    inner = b64encode(poisoned(INTERACTIONS, user_id="@default")[2]).decode()
    long = {"surface": "x" * 890_000}
    return {
        "a rating that overflows": (*rating, "invalid"),
        "seconds that overflow": (*poisoned(INTERACTIONS, type="dwell", seconds=1e300), "invalid"),
        "a click of @default": (*poisoned(INTERACTIONS, user_id="@default"), "invalid"),
        "a ban of @default": (*ban, "invalid"),
        "a request for @default-2": (*poisoned(RANK_REQUESTS, user_id="@default-2"), "invalid"),
        "a misrouted record of @default": (*poisoned(MISROUTED, value=inner), "invalid"),
        "a misrouted record of no user topic": (*poisoned(MISROUTED, topic=ITEMS), "unknown-topic"),
        "a memory of @default": (MEMORIES, "@default/m", _memory(user_id="@default", memory_id="m")[2], "invalid"),
        "a surface of 890 kB": (*poisoned(INTERACTIONS, context=long), "invalid"),
        "a session of 890 kB": (*poisoned(INTERACTIONS, session_id="x" * 890_000), "invalid"),
        "an item of blanks": (*poisoned(INTERACTIONS, item_id="  "), "invalid"),
    }


def _tables() -> dict[str, Poison]:
    delta = poisoned(ITEM_DELTAS, item_id="")
    return {
        "an item of nothing": (ITEMS, "i31", b"{}", "invalid"),
        "an item that withdraws nothing": (ITEMS, b"", None, "wrong-key"),
        "an item withdrawn by a key that is no id": (ITEMS, "x" * 300, b"", "wrong-key"),
        "a price that overflows": (*poisoned(ITEMS, price=1.7e308), "invalid"),
        "statistics with missing columns": (*poisoned(ITEM_STATISTICS), "invalid"),
        "statistics without counts": (*without(ITEM_STATISTICS, "popularity"), "invalid"),
        "a delta of an item without an id": (delta[0], "", delta[2], "invalid"),
        "a list without slates": (*poisoned(RECOMMENDATIONS, slates=[]), "invalid"),
        "a score that overflows": (*poisoned(RECOMMENDATIONS, slates=[_slate(score=1e300)]), "invalid"),
    }


def _learning() -> dict[str, Poison]:
    short = b64encode(bytes(7)).decode()
    nan = b64encode(b"\xff" * (4 * 2 * len(COLUMNS))).decode()
    return {
        "a choice with short features": (*poisoned(RANKING_LOG, features=short), "invalid"),
        "a choice with features that are not finite": (*poisoned(RANKING_LOG, features=nan), "invalid"),
        "a choice of a row that is not there": (*poisoned(RANKING_LOG, chosen=7), "invalid"),
        "weights in another file": (*poisoned(MODEL_UPDATES, uri="/etc/passwd"), "invalid"),
        "weights in a device": (*poisoned(MODEL_UPDATES, uri="/dev/zero"), "invalid"),
        "weights at no address": (*poisoned(MODEL_UPDATES, uri="http://\x00"), "invalid"),
    }


def _memory(**changed: object) -> tuple[str, str, bytes]:
    return poisoned(MEMORIES, **changed)


def _slate(**changed: object) -> dict[str, Any]:
    item = {"item_id": "i1", "score": 0.0, "source": "x"} | changed
    return {"list_id": "l", "surface": "home", "items": [item]}


def longest_memory() -> Memory:
    """Return the longest memory in bytes that the schema accepts: four for each character."""
    wide = "\N{GRINNING FACE}" * 256
    return memory(wide, wide, subject="item", valid_from=AT, recorded_from=AT, evidence=(), memory_id=ItemId(wide))
