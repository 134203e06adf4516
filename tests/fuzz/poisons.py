"""The corpus of the fuzzer: records that once did harm."""

from __future__ import annotations

import base64

from schemas.codec import encode
from schemas.topics import (
    DEAD_LETTERS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_STATISTICS,
    ITEMS,
    MODEL_UPDATES,
    RANKING_LOG,
    RECOMMENDATIONS,
)
from tests.fuzz.corpus import valid
from tests.unit.streams.trainer_fixtures import choice


def _with(topic: str, index: int, old: bytes, new: bytes) -> bytes:
    value = encode(valid(topic)[index])
    assert old in value, (old, value)
    return value.replace(old, new, 1)


_RATING, _DWELL, _PURCHASE = 4, 3, 6

POISONS: dict[str, list[bytes | None]] = {
    INTERACTIONS: [
        None,
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"type":"click"}',
        b"null",
        _with(INTERACTIONS, _RATING, b"4.0", b"1.7e308"),
        _with(INTERACTIONS, _RATING, b"4.0", b"1e400"),
        _with(INTERACTIONS, _RATING, b"4.0", b"NaN"),
        _with(INTERACTIONS, _RATING, b"4.0", b"-Infinity"),
        _with(INTERACTIONS, _DWELL, b"12.5", b"18446744073709551616"),
        _with(INTERACTIONS, _PURCHASE, b"9.5", b"-0.0"),
        _with(INTERACTIONS, _RATING, b'"ann"', b'"@default"'),
        _with(INTERACTIONS, _RATING, b'"ann"', rb'"\ud800"'),
        _with(INTERACTIONS, 0, b'"phone"', b'"' + b"x" * 890_000 + b'"'),
    ],
    ITEMS: [None, b"", _with(ITEMS, 0, b"3.5", b"1e308"), _with(ITEMS, 0, b'"war-1"', b'"war-9"')],
    ITEM_STATISTICS: [_with(ITEM_STATISTICS, 0, b"1700000000.0", b"1e11"), b"{}"],
    ITEM_DELTAS: [_with(ITEM_DELTAS, 0, b'"war-1"', b'""'), _with(ITEM_DELTAS, 0, b"1700000000.0", b"1e308")],
    MODEL_UPDATES: [_with(MODEL_UPDATES, 0, b"nowhere.npz", b"/etc/hostname")],
    RANKING_LOG: [
        _with(RANKING_LOG, 0, base64.b64encode(choice(1).features), b"AAAA"),
        _with(RANKING_LOG, 0, b'"ann"' if b'"ann"' in encode(choice(1)) else b'"u1"', b'""'),
    ],
    RECOMMENDATIONS: [b"{}", _with(RECOMMENDATIONS, 0, b"1.0", b"1e400")],
    DEAD_LETTERS: [b"{}", _with(DEAD_LETTERS, 0, b"1700000000.0", b"1e308")],
}
"""Records that once ended a process, or were applied unnoticed."""
