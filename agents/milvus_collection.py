"""One Milvus collection: created on first use, written in batches, read with eventual consistency.

Errors of Milvus become those of `schemas.errors` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Literal

import grpc
from msgspec import Struct
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import DataNotMatchException, MilvusException, ParamError

from schemas.errors import StoreRefused, StoreUnavailable
from schemas.tls import PLAIN_TLS, TlsFiles

UPSERT_ROWS = 1_000
"""Rows per upsert: 64 floats each stay well below the server's message limit."""
TEXT_BYTES = 1_024
"""The longest text that is stored, in UTF-8: 256 characters of an id, four bytes each."""
MIN_SEARCH_WIDTH = 64
"""The least `ef` of an HNSW search; as wide as `k` if that is more."""
PREPARING_SECONDS = 15.0
"""The least time limit for creating and loading a collection, which takes seconds, once."""
VECTOR = "vector"
INVALID_CODES = range(1_100, 1_200)
"""Milvus's error codes for parameters that it never accepts."""
_REFUSED = re.compile(r"exceeds? (the )?max(imum)? (length|capacity)|invalid (parameter|input)", re.IGNORECASE)
"""Messages of the same errors from servers that do not have those codes yet."""
_UNSAFE = re.compile(r"[^\w .,:;/@+=-]", re.ASCII)

Row = dict[str, Any]
Consistency = Literal["Eventually", "Bounded", "Strong"]


class Address(Struct, frozen=True, kw_only=True):
    """The address of a Milvus server, its credentials, and the time limit of an answer. An `https://` URI means TLS."""

    uri: str
    token: str = ""
    timeout_seconds: float = 2.0
    tls: TlsFiles = PLAIN_TLS

    def connect(self, *, timeout_seconds: float) -> MilvusClient:
        """Return a client that is connected within so many seconds.

        Raises:
            MilvusException: no server answers that proves its identity and accepts the credentials.
        """
        return MilvusClient(uri=self.uri, token=self.token, timeout=timeout_seconds, **_tls_options(self))


def _tls_options(address: Address) -> dict[str, Any]:
    """Return the client's settings of TLS: with a certificate of its own it takes the authority by another name.

    The connection is the client's own: others are shared by address, whatever authority opened them.
    """
    tls = address.tls
    if not address.uri.startswith("https://"):
        return {}
    if not tls.authority:
        return {"dedicated": True}
    if not tls.certificate:
        return {"dedicated": True, "server_pem_path": tls.authority}
    files = {"ca_pem_path": tls.authority, "client_pem_path": tls.certificate, "client_key_path": tls.key}
    return {"dedicated": True} | files


class Field(Struct, frozen=True):
    """A scalar field of a collection; with `many` an array of texts."""

    name: str
    many: bool = False


class CollectionSchema(Struct, frozen=True, kw_only=True):
    """The fields of a collection: its key, texts to filter by and to return, and the vector's width."""

    name: str
    key: str
    fields: tuple[Field, ...]
    width: int

    @property
    def names(self) -> frozenset[str]:
        """The names of all fields."""
        return frozenset({self.key, *(field.name for field in self.fields), VECTOR})


class MilvusCollection:
    """A collection of this schema, connected to and, unless it `creates` none, created on first use.

    A `family` are names of former collections of such rows. Whoever creates this one drops them; a count counts in all.

    Every method raises `StoreUnavailable` when the server does not answer in time: the same call may be made again. It
    raises `StoreRefused` when the server will never accept the arguments.
    """

    def __init__(
        self,
        address: Address,
        shape: CollectionSchema,
        *,
        consistency: Consistency = "Eventually",
        creates: bool = True,
        family: re.Pattern[str] | None = None,
    ) -> None:
        self._address = address
        self._shape = shape
        self._consistency = consistency
        self._creates = creates
        self._family = family
        self._client: MilvusClient | None = None

    def upsert(self, rows: Sequence[Row]) -> None:
        """Write rows, replacing those with the same key; of rows that share a key the last counts."""
        latest = list({row[self._shape.key]: row for row in rows}.values())
        with self._connected() as client:
            for start in range(0, len(latest), UPSERT_ROWS):
                client.upsert(
                    self._shape.name, latest[start : start + UPSERT_ROWS], timeout=self._address.timeout_seconds
                )

    def search(self, vector: Sequence[float], k: int, where: str, fields: Sequence[str]) -> list[tuple[float, Row]]:
        """Return the k rows nearest by inner product where the expression holds, with these fields of each."""
        with self._connected() as client:
            hits = client.search(
                self._shape.name,
                [list(vector)],
                filter=where,
                limit=k,
                output_fields=list(fields),
                search_params={"metric_type": "IP", "params": {"ef": max(MIN_SEARCH_WIDTH, k)}},
                timeout=self._address.timeout_seconds,
                consistency_level=self._consistency,
            )
            return [(float(hit["distance"]), dict(hit["entity"])) for hit in hits[0]]

    def vector_of(self, key: str) -> list[float] | None:
        """Return the vector of the row with this key, none if there is no such row."""
        with self._connected() as client:
            rows = client.query(
                self._shape.name,
                filter=any_of(self._shape.key, [key]),
                output_fields=[VECTOR],
                timeout=self._address.timeout_seconds,
                consistency_level=self._consistency,
            )
            return list(rows[0][VECTOR]) if rows else None

    def count(self, where: str) -> int:
        """Return how many rows there are where the expression holds, as of now, also in former collections."""
        time_limit = max(self._address.timeout_seconds, PREPARING_SECONDS)
        counted = 0
        with self._mapped_errors(), closing(self._address.connect(timeout_seconds=time_limit)) as client:
            for name in self._alike(client):
                client.load_collection(name, timeout=time_limit)
                rows = client.query(
                    name, filter=where, output_fields=["count(*)"], timeout=time_limit, consistency_level="Strong"
                )
                counted += int(rows[0]["count(*)"])
        return counted

    def delete(self, where: str) -> None:
        """Delete the rows where the expression holds."""
        with self._connected() as client:
            client.delete(self._shape.name, filter=where, timeout=self._address.timeout_seconds)

    def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextmanager
    def _connected(self) -> Iterator[MilvusClient]:
        """Yield the connected client; after an error it reconnects on the next use."""
        with self._mapped_errors():
            if self._client is None:
                self._client = self._connect()
            yield self._client

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        """Map Milvus's errors to those of `schemas.errors`."""
        try:
            yield
        except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, ConnectionError) as exc:
            where = f"Milvus at {self._address.uri!r}, collection {self._shape.name!r}: {exc}"
            if _is_refusal(exc):
                raise StoreRefused(where) from exc
            self.close()
            raise StoreUnavailable(f"{where}; see that the server answers, then call again") from exc

    def _connect(self) -> MilvusClient:
        """(1) connect, (2) create the collection with its index if it is missing, (3) load it, (4) drop former ones.
        Each step may be repeated.
        """
        address, shape = self._address, self._shape
        time_limit = max(address.timeout_seconds, PREPARING_SECONDS)
        client = address.connect(timeout_seconds=address.timeout_seconds)
        if not client.has_collection(shape.name, timeout=address.timeout_seconds):
            if not self._creates:
                client.close()
                raise StoreUnavailable(f"Milvus at {address.uri!r} has no collection {shape.name!r} yet")
            index = client.prepare_index_params()
            index.add_index(VECTOR, index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 128})
            client.create_collection(
                shape.name,
                schema=self._schema(),
                index_params=index,
                consistency_level=self._consistency,
                timeout=time_limit,
            )
        client.load_collection(shape.name, timeout=time_limit)
        for name in self._alike(client) if self._creates and self._family else ():
            if name != shape.name:
                client.drop_collection(name, timeout=time_limit)
        return client

    def _alike(self, client: MilvusClient) -> list[str]:
        """Return this collection and the former ones that exist; those that have other fields are somebody else's."""
        time_limit, alike = self._address.timeout_seconds, []
        for name in client.list_collections(timeout=time_limit):
            if name == self._shape.name:
                alike.append(name)
            elif self._family is not None and self._family.fullmatch(name):
                fields = {field["name"] for field in client.describe_collection(name, timeout=time_limit)["fields"]}
                alike += [name] if {self._shape.key, VECTOR} <= fields <= self._shape.names else []
        return alike

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
    """Return whether the server refuses the arguments for good, as opposed to being unavailable."""
    if isinstance(error, ParamError | DataNotMatchException):
        return True
    return isinstance(error, MilvusException) and (
        error.code in INVALID_CODES or _REFUSED.search(str(error.message)) is not None
    )


def unanswered(address: Address, collections: Sequence[str], *, within: float) -> str:
    """Return what is wrong if a collection does not answer a query within so many seconds, else an empty text.

    A collection that does not exist yet is no problem: it is created on first use.
    """
    client = None
    try:
        client = address.connect(timeout_seconds=within)
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
    r"""Return the text as a literal of Milvus's expression language, safe whatever the text contains.

    Everything but ASCII letters, digits and a few punctuation marks is escaped.

    >>> quoted('a" or "b'), quoted("é")
    ('"a\\u0022 or \\u0022b"', '"\\u00e9"')
    """
    return '"' + _UNSAFE.sub(lambda match: _escape(ord(match.group())), text) + '"'


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def any_of(field: str, texts: Sequence[str]) -> str:
    """Return the expression that a field is one of these texts.

    >>> any_of("state", ["active"])
    'state in ["active"]'
    """
    return f"{field} in [{', '.join(map(quoted, texts))}]"
