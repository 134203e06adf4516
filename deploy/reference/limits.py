"""The reference of limits: bounds on messages, requests and states, each read from the constant that sets it."""

from __future__ import annotations

from datetime import UTC, datetime

from deploy.gateway import limits
from deploy.reference.markdown import table
from deploy.reference.settings import allowed
from deploy.settings import Settings
from deploy.settings.checks import section_of
from features import statistics, user_state
from inference.search import filters, values, words
from schemas import bounds, codec, dead_letters
from streams.handlers import deps
from streams.log import kafka_client

Row = tuple[str, str, str]
LIMITS_HEADER = ("limit", "value", "beyond it")
LIMITS_INTRODUCTION = """\
Every limit on messages, requests and states. Bounds of single fields, such as the items of an impression, are in
[Topics and messages](topics.md).
"""
BOUNDED = {
    "gateway.body_mb": "413",
    "gateway.requests_per_second": "429 `rate-limited` with `Retry-After`; 0 sets no bound",
    "gateway.values_per_day": "429 `quota-exceeded` with `Retry-After`; 0 sets no bound",
    "gateway.user_requests_per_second": "429 `rate-limited` with `Retry-After`; 0 sets no bound",
    "gateway.token_seconds": "a token ends then",
    "gateway.header_kb": "431 `headers-too-large`",
    "gateway.header_seconds": "the connection is closed",
    "gateway.body_seconds": "408 `slow-body`, and the connection is closed",
    "gateway.idle_seconds": "the connection is closed",
    "gateway.connections_max": "the connection that has waited longest for a request is closed",
    "gateway.connections_per_client": "the connection that has waited longest for a request is closed",
    "gateway.bodies_mb": "503 `busy`",
    "gateway.backlog_max": "429 with `Retry-After`, until workers catch up; 0 sets no bound",
    "gateway.cache_mb": "the lists published longest ago are evicted; those users get the non-personalised list",
    "ranking.slate_size": "the process refuses to start",
    "ranking.candidates": "the process refuses to start",
    "ranking.expires_at_most_seconds": "a list expires then, whatever time-to-live was learned",
    "topics.person_partitions": "the process refuses to start; more workers than partitions stay idle",
    "topics.item_partitions": "the process refuses to start",
    "experiment.arms": "the process refuses to start",
}
"""Settings that are limits, and what happens beyond each."""


def limits_page() -> str:
    """Return the page as Markdown."""
    parts = ["# Limits", LIMITS_INTRODUCTION]
    for title, rows in (("Messages", _messages()), ("Requests", _requests()), ("User and item state", _state())):
        parts += [f"## {title}", table(LIMITS_HEADER, rows)]
    parts += ["## Settings", table(("setting", "default", "allowed", "beyond it"), _settings())]
    return "\n\n".join(parts) + "\n"


def _messages() -> list[Row]:
    letter, earliest = "dead letter", datetime.fromtimestamp(codec.EARLIEST, UTC)
    return [
        ("bytes of a record's value", f"{codec.MAX_BYTES:,}", f"{letter} `too-large`"),
        ("bytes of a dead letter on its topic", f"{kafka_client.MESSAGE_BYTES_LIMIT:,}", "its value is cut"),
        (
            "bytes of an original kept in a dead letter",
            f"{dead_letters.LARGEST_ORIGINAL:,}",
            f"its first {dead_letters.BEGINNING:,} are kept",
        ),
        ("characters of an id", f"{bounds.ID_LENGTH:,}", f"{letter} `invalid`"),
        ("characters of a category, surface or device", f"{bounds.NAME_LENGTH:,}", f"{letter} `invalid`"),
        ("a rating, price or attribute, either sign", f"{bounds.LARGEST_AMOUNT:,.0f}", f"{letter} `invalid`"),
        ("a quantity, or seconds of dwell", f"{bounds.LARGEST_COUNT:,.0f}", f"{letter} `invalid`"),
        ("earliest event time", f"{earliest:%Y-%m-%d}", f"{letter} `absurd-time`"),
        ("an event ahead of its record", f"{codec.LATEST_AHEAD_SECONDS:,.0f} s", f"{letter} `absurd-time`"),
        (
            "an event ahead of its record, as it is",
            f"{deps.CLOCK_SKEW_SECONDS:,.0f} s",
            "it counts as of its record's time",
        ),
    ]


def _requests() -> list[Row]:
    return [
        ("values in one POST", f"{limits.MAX_VALUES:,}", "413 `too-many`"),
        ("bytes of one value", f"{limits.MAX_VALUE_BYTES:,}", "that value is refused, the others are stored"),
        ("unknown fields named of one value", f"{limits.MAX_UNKNOWN_FIELDS:,}", "the others are not named"),
        ("bytes that wait for Kafka", f"{limits.MAX_QUEUED_BYTES:,}", "503 `busy`"),
        ("items of a GET, `n`", f"{bounds.SLATE_LENGTH:,}", "400"),
        ("wait of a GET, `timeout_ms`", f"{limits.MAX_WAIT_MS:,}", "400"),
        ("characters of `after`", f"{limits.MAX_TOKEN_LENGTH:,}", "400 `bad-token`"),
        ("characters of a query for memories, `q`", f"{bounds.TEXT_LENGTH:,}", "400"),
        ("characters of a query, `q`", f"{bounds.TEXT_LENGTH:,}", "400"),
        ("words of a query", f"{words.QUERY_WORDS:,}", "further ones are not read"),
        ("characters of a `filter` or `boost`", f"{filters.MAX_FILTER_LENGTH:,}", "400"),
        ("levels of a `filter`", f"{filters.MAX_FILTER_DEPTH:,}", "400 `bad-filter`"),
        ("factors of a `boost`", f"{filters.MAX_BOOSTS:,}", "400 `bad-filter`"),
        ("words of an item that are searched", f"{words.WORDS_SEARCHED:,}", "further ones are not found"),
        ("values of an item that are filtered", f"{values.VALUES_PER_ITEM:,}", "further ones do not match"),
        ("searches that wait", f"{limits.MAX_WAITING_SEARCHES:,}", "503 `busy`"),
        ("outside facts in an answer, believed, or not", f"{limits.MAX_OUTSIDE_FACTS:,}", "others are counted"),
        ("outside documents in an answer", f"{limits.MAX_OUTSIDE_DOCUMENTS:,}", "others are counted"),
        ("characters of an outside document in an answer", f"{limits.MAX_OUTSIDE_TEXT:,}", "it is cut to that"),
        ("items of the catalogue that a chat chooses among", f"{limits.MAX_CHAT_ITEMS:,}", "newer items are left out"),
        ("characters of a `conversation_id`", f"{limits.MAX_CONVERSATION_LENGTH:,}", "400"),
        ("bytes that a `conversation_id` unpacks to", f"{limits.MAX_CONVERSATION_BYTES:,}", "422"),
        (
            "users with a pending rank request",
            f"{limits.MAX_RANK_WAITERS:,}",
            "the oldest is forgotten, and may be sent again",
        ),
        ("secrets of a key that are valid at once", f"{limits.MAX_KEY_SECRETS:,}", "a rotation ends older ones"),
        ("header fields of a request", f"{limits.MAX_HEADERS:,}", "431 `headers-too-large`"),
        ("requests sent ahead of answers", f"{limits.MAX_PIPELINED:,}", "the connection is closed"),
        ("users with tokens whose rate is remembered", f"{limits.MAX_RATED_CALLERS:,}", "the oldest is forgotten"),
        ("entries that wait for the audit log", f"{limits.MAX_AUDIT_QUEUE:,}", "they are dropped and counted"),
        ("ids that an entry of the audit log names", f"{limits.MAX_AUDITED_IDS:,}", "only their number is logged"),
        ("seconds of `Retry-After` while the backlog is full", f"{limits.MAX_RETRY_SECONDS:,}", "it is cut to that"),
    ]


def _state() -> list[Row]:
    return [
        ("recent choices of a user", f"{user_state.RECENT:,}", "the oldest goes"),
        ("user-item statistics of a user", f"{user_state.ITEMS_KEPT:,}", "the oldest goes"),
        ("event ids that a user's duplicates are found by", f"{user_state.EVENT_IDS:,}", "the oldest goes"),
        ("items that a user hid", f"{user_state.HIDDEN_KEPT:,}", "the oldest goes"),
        ("slates of a user that await clicks", f"{user_state.OPEN_SLATES:,}", "the oldest goes"),
        ("a session without an event", f"{user_state.SESSION_GAP:,.0f} s", "the next event starts a session"),
        ("co-occurring items of an item", f"{statistics.NEIGHBOURS:,}", "the weakest goes"),
        ("predecessors of an item", f"{statistics.PREDECESSORS:,}", "the weakest goes"),
    ]


def _settings() -> list[tuple[str, str, str, str]]:
    rows = []
    for name, beyond in BOUNDED.items():
        section, key = name.split(".")
        model = section_of(Settings, section)
        field = model.model_fields[key] if model else Settings.model_fields[section]
        rows.append((f"`{name}`", f"{field.default}", allowed(field), beyond))
    return rows
