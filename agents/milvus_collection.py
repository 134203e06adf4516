"""One Milvus collection: made on first use, written in batches, searched eventually. Its errors become ours here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import grpc
from msgspec import Struct
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import DataNotMatchException, MilvusException, ParamError

from schemas.errors import StoreRefused, StoreUnavailable

BATCH = 1_000
"""Rows per upsert: 64 floats each stay well below the server's message limit."""
TEXT_BYTES = 1_024
"""The longest text kept, in UTF-8: 256 characters of an id, four bytes each."""
EXACTLY = 64
"""The width of HNSW's search at least; more if more is asked for."""
PREPARING_SECONDS = 15.0
"""Making and loading a collection takes seconds, once; that much is waited for, whatever an answer may take."""
VECTOR = "vector"
INVALID = range(1_100, 1_200)
"""Milvus's codes for parameters that it will never take."""
_REFUSED = re.compile(r"exceeds? (the )?max(imum)? (length|capacity)|invalid (parameter|input)", re.IGNORECASE)
"""What servers say of such that do not have those codes yet."""
_UNSAFE = re.compile(r"[^\w .,:;/@+=-]", re.ASCII)

Row = dict[str, Any]
Consistency = Literal["Eventually", "Bounded", "Strong"]


class Address(Struct, frozen=True, kw_only=True):
    """Where Milvus is, who asks, and how long an answer may take."""

    uri: str
    token: str = ""
    timeout_seconds: float = 2.0


class Field(Struct, frozen=True):
    """A scalar field of a collection; `many` is an array of texts."""

    name: str
    many: bool = False


class CollectionSchema(Struct, frozen=True, kw_only=True):
    """What a collection holds: the key first, then texts to filter by and to give back, and the vector's width."""

    name: str
    key: str
    fields: tuple[Field, ...]
    width: int


class MilvusCollection:
    """A collection of this shape, connected to and created when it is first used.

    Every method raises `StoreUnavailable` when the server does not answer in time: the same call may be made again.
    It raises `StoreRefused` when the server will never take what it was given.
    """

    def __init__(self, address: Address, shape: CollectionSchema, *, consistency: Consistency = "Eventually") -> None:
        self._address = address
        self._shape = shape
        self._consistency = consistency
        self._client: MilvusClient | None = None

    def upsert(self, rows: Sequence[Row]) -> None:
        """Write rows, replacing those with the same key; of one key given twice the last counts."""
        latest = list({row[self._shape.key]: row for row in rows}.values())
        with self._answering() as client:
            for start in range(0, len(latest), BATCH):
                client.upsert(self._shape.name, latest[start : start + BATCH], timeout=self._address.timeout_seconds)

    def search(self, vector: Sequence[float], k: int, where: str, fields: Sequence[str]) -> list[tuple[float, Row]]:
        """The k rows nearest by inner product among those where the expression holds, with these fields of each."""
        with self._answering() as client:
            hits = client.search(
                self._shape.name,
                [list(vector)],
                filter=where,
                limit=k,
                output_fields=list(fields),
                search_params={"metric_type": "IP", "params": {"ef": max(EXACTLY, k)}},
                timeout=self._address.timeout_seconds,
                consistency_level=self._consistency,
            )
            return [(float(hit["distance"]), dict(hit["entity"])) for hit in hits[0]]

    def vector_of(self, key: str) -> list[float] | None:
        """The vector of the row with this key, none if there is no such row."""
        with self._answering() as client:
            rows = client.query(
                self._shape.name,
                filter=any_of(self._shape.key, [key]),
                output_fields=[VECTOR],
                timeout=self._address.timeout_seconds,
                consistency_level=self._consistency,
            )
            return list(rows[0][VECTOR]) if rows else None

    def delete(self, where: str) -> None:
        """Delete the rows where the expression holds."""
        with self._answering() as client:
            client.delete(self._shape.name, filter=where, timeout=self._address.timeout_seconds)

    def close(self) -> None:
        """Let go of the connection; the next use makes a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextmanager
    def _answering(self) -> Iterator[MilvusClient]:
        """The connected client; a failure inside is ours, and the next use connects anew."""
        try:
            if self._client is None:
                self._client = self._connect()
            yield self._client
        except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, ConnectionError) as exc:
            where = f"Milvus at {self._address.uri!r}, collection {self._shape.name!r}: {exc}"
            if _is_refusal(exc):
                raise StoreRefused(where) from exc
            self.close()
            raise StoreUnavailable(f"{where}; see that the server answers, then call again") from exc

    def _connect(self) -> MilvusClient:
        """1. connect; 2. create the collection with its index if it is missing; 3. load it. Each may be done twice."""
        address, shape = self._address, self._shape
        patience = max(address.timeout_seconds, PREPARING_SECONDS)
        client = MilvusClient(uri=address.uri, token=address.token, timeout=address.timeout_seconds)
        if not client.has_collection(shape.name, timeout=address.timeout_seconds):
            index = client.prepare_index_params()
            index.add_index(VECTOR, index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 128})
            client.create_collection(
                shape.name,
                schema=self._schema(),
                index_params=index,
                consistency_level=self._consistency,
                timeout=patience,
            )
        client.load_collection(shape.name, timeout=patience)
        return client

    def _schema(self) -> Any:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(self._shape.key, DataType.VARCHAR, is_primary=True, max_length=TEXT_BYTES)
        for field in self._shape.fields:
            if field.many:
                schema.add_field(
                    field.name,
                    DataType.ARRAY,
                    element_type=DataType.VARCHAR,
                    max_capacity=256,
                    max_length=TEXT_BYTES,
                )
            else:
                schema.add_field(field.name, DataType.VARCHAR, max_length=TEXT_BYTES)
        schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=self._shape.width)
        return schema


def _is_refusal(error: Exception) -> bool:
    """Whether the server answers that it will never take what it was given; "away" is something else."""
    if isinstance(error, ParamError | DataNotMatchException):
        return True
    return isinstance(error, MilvusException) and (
        error.code in INVALID or _REFUSED.search(str(error.message)) is not None
    )


def unanswered(address: Address, collections: Sequence[str], *, within: float) -> str:
    """Empty if each of these collections that is there answers a query within so many seconds, else what is wrong.

    One that is not there yet is no problem: it is made when it is first used.
    """
    client = None
    try:
        client = MilvusClient(uri=address.uri, token=address.token, timeout=within)
        for name in set(client.list_collections(timeout=within)).intersection(collections):
            # A count goes to every segment: a server that lost its data lists a collection that it cannot read.
            client.query(name, filter="", output_fields=["count(*)"], timeout=within)
    except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, ConnectionError) as exc:
        return f"a query failed: {exc}"
    finally:
        if client is not None:
            client.close()
    return ""


def quoted(text: str) -> str:
    r"""The text as a literal of Milvus's expression language: whatever is in it, it stays one text.

    Everything but ASCII letters, digits and a few marks is written as an escape.

    >>> quoted('a" or "b'), quoted("é")
    ('"a\\u0022 or \\u0022b"', '"\\u00e9"')
    """
    return '"' + _UNSAFE.sub(lambda found: _escape(ord(found.group())), text) + '"'


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def any_of(field: str, texts: Sequence[str]) -> str:
    """The expression that a field is one of these texts.

    >>> any_of("state", ["active"])
    'state in ["active"]'
    """
    return f"{field} in [{', '.join(map(quoted, texts))}]"
