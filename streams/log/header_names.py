"""Record headers whose names are not UTF-8: Kafka accepts any bytes, its Python clients do not.

aiokafka raises in the middle of a fetch, and fetches the same records forever. Such a batch is read again by aiokafka's
own reader in Python, over a buffer that decodes other bytes than UTF-8 to escapes. All other batches take the usual
way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiokafka.consumer.fetcher as fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


class _Escaping(bytearray):
    """Bytes that decode to text whatever they hold.

    >>> _Escaping(b"a\\xffb")[1:].decode("utf-8")
    '\\\\xffb'
    """

    def __getitem__(self, at: Any) -> Any:
        part = super().__getitem__(at)
        return _Escaping(part) if isinstance(at, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class _Batch:
    """One batch, number `number` of `records`; those bytes are read only if aiokafka cannot read the batch."""

    def __init__(self, batch: Any, records: bytes, number: int) -> None:
        self._batch = batch
        self._records = records
        self._number = number

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of aiokafka's own object."""
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """Return the next record: aiokafka reads transaction markers like this, which have no headers."""
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
    """aiokafka's `MemoryRecords`, with batches that accept header names which are not UTF-8."""

    def __init__(self, records: bytes) -> None:
        self._memory_records: Any = MemoryRecords(records)
        self._records = records
        self._number = 0

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of aiokafka's own object."""
        return getattr(self._memory_records, name)

    def next_batch(self) -> _Batch | None:
        """Return the next batch, none at the end."""
        batch = self._memory_records.next_batch()
        self._number += 1
        return None if batch is None else _Batch(batch, self._records, self._number - 1)


def read_any_header_names() -> None:
    """Make every consumer of this process read such records. A second call changes nothing."""
    fetcher.MemoryRecords = EscapingRecords
