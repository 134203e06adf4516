"""Names of record headers that are not UTF-8: Kafka takes any bytes, its Python clients do not.

aiokafka raises from the middle of a fetch, and asks for the same records for ever. Here such a batch is read again by
aiokafka's own reader in Python, over a buffer that writes what is not UTF-8 as escapes. All other batches are read as
before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiokafka.consumer.fetcher as fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


class _Escaping(bytearray):
    """Bytes whose parts decode whatever they hold.

    >>> _Escaping(b"a\\xffb")[1:].decode("utf-8")
    '\\\\xffb'
    """

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Escaping(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class _Batch:
    """One batch of records; `again` are its bytes, looked up only if its records cannot be read."""

    def __init__(self, batch: Any, records: bytes, number: int) -> None:
        self._batch = batch
        self._records = records
        self._number = number

    def __getattr__(self, name: str) -> Any:
        """All else is aiokafka's."""
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """The next record: how aiokafka looks into the marks of transactions, which have no headers."""
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        last = -1
        try:
            for record in self._batch:
                last = record.offset
                yield record
        except UnicodeDecodeError:
            yield from (record for record in self._escaped() if record.offset > last)

    def _escaped(self) -> Iterator[Any]:
        batches: Any = _MemoryRecordsPy(self._records)
        for _ in range(self._number):
            batches.next_batch()
        batch: Any = _DefaultRecordBatchPy(bytes(batches._next_slice))
        batch._maybe_uncompress()
        batch._buffer = _Escaping(batch._buffer)
        yield from batch


class EscapingRecords:
    """`MemoryRecords` of aiokafka, with batches that survive header names which are not UTF-8."""

    def __init__(self, records: bytes) -> None:
        self._found: Any = MemoryRecords(records)
        self._records = records
        self._number = 0

    def __getattr__(self, name: str) -> Any:
        """All else is aiokafka's."""
        return getattr(self._found, name)

    def next_batch(self) -> _Batch | None:
        """The next batch, none at the end."""
        batch = self._found.next_batch()
        self._number += 1
        return None if batch is None else _Batch(batch, self._records, self._number - 1)


def read_any_header_names() -> None:
    """Have every consumer of this process read such records. May be called twice."""
    fetcher.MemoryRecords = EscapingRecords
