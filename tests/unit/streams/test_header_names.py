"""Records with header names that are not UTF-8 are read like all others, in every codec."""

from __future__ import annotations

import pytest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.log.header_names import EscapingRecords


class Name(str):
    """A header name that encodes to bytes that are not UTF-8."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


def batch(codec: int, values: list[bytes], *, bad: int | None) -> bytes:
    """Return a batch of these values; record `bad` has such a header."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, 0, 1_000_000)
    for offset, value in enumerate(values):
        headers = [(Name("x"), b"1")] if offset == bad else [("fine", b"2")]
        assert builder.append(offset, 1_000, b"key", value, headers)
    return bytes(builder.build())


def read(data: bytes) -> list[tuple[int, bytes, list[tuple[str, bytes]]]]:
    batches, records = EscapingRecords(data), []
    while (next_batch := batches.next_batch()) is not None:
        records += [(record.offset, record.value, list(record.headers)) for record in next_batch]
    return records


CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("bad", [0, 1, 2])
def test_the_name_is_escaped_and_no_record_is_lost_or_read_twice(codec: int, bad: int) -> None:
    values = [b"a" * 300, b"b" * 300, b"c" * 300]
    records = read(batch(codec, values, bad=bad))
    assert [(offset, value) for offset, value, _ in records] == list(enumerate(values))
    escaped = [("\\xff\\xfe", b"1")]
    assert [headers for _, _, headers in records] == [escaped if n == bad else [("fine", b"2")] for n in range(3)]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_batches_before_and_after_it_are_read_unchanged(codec: int) -> None:
    data = batch(0, [b"a"], bad=None) + batch(codec, [b"b" * 99], bad=0) + batch(codec, [b"c"], bad=None)
    assert [value for _, value, _ in read(data)] == [b"a", b"b" * 99, b"c"]
