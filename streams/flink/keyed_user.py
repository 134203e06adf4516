"""What Flink keeps of a user, as bytes of msgpack with the number of their format: never a pickle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec
from msgspec import Struct

from schemas.errors import LifelongError
from streams.log.records import Inbound

FORMAT = 1
"""Raised by a change that older code must not read, or that needs a conversion. A new field with a default needs none:
it is filled in."""


MAX_PARALLELISM = 128
"""Fixed for good: keys are in so many groups, which are spread anew over the tasks of a job that is rescaled."""


class UnknownStateFormat(LifelongError):
    """The state of a user was written by newer code."""


class KeyedUser(Struct, frozen=True, kw_only=True):
    """The state of a user: the packed `UserRecord`, and the last offset of each source that it reflects."""

    format: int = FORMAT
    record: bytes
    applied: dict[str, int] = {}


class KeyedState(Protocol):
    """The state of one user in Flink, which stores it with its checkpoints, and their timer. Nothing blocks."""

    def user(self) -> bytes | None:
        """Return the packed `KeyedUser`, none if the user is new."""
        ...

    def store_user(self, state: bytes) -> None:
        """Replace it."""
        ...

    def pending(self) -> Iterable[bytes]:
        """Return the records that have arrived and are not part of the user's state yet, in their order."""
        ...

    def add_pending(self, record: bytes) -> None:
        """Add a record to them."""
        ...

    def clear_pending(self) -> None:
        """Remove them all."""
        ...

    def wake(self, at: float) -> None:
        """Have the user's timer call at this time (wall clock, seconds); several times are several calls."""
        ...


_encode = msgspec.msgpack.Encoder().encode
_users = msgspec.msgpack.Decoder(KeyedUser)
_records = msgspec.msgpack.Decoder(Inbound)


def pack_user(user: KeyedUser) -> bytes:
    """Return the bytes that Flink keeps.

    >>> unpack_user(pack_user(KeyedUser(record=b"r", applied={"interactions-1": 7}))).applied
    {'interactions-1': 7}
    """
    return _encode(user)


def unpack_user(state: bytes) -> KeyedUser:
    """Return the user that was packed.

    Raises:
        UnknownStateFormat: newer code has written it.
    """
    user = _users.decode(state)
    if user.format > FORMAT:
        raise UnknownStateFormat(f"a user's state has format {user.format}, and this code reads up to {FORMAT}")
    return user


def pack_record(record: Inbound) -> bytes:
    """Return a record as bytes, as it travels between tasks and waits in the state."""
    return _encode(record)


def unpack_record(packed: bytes) -> Inbound:
    """Return the record that was packed."""
    return _records.decode(packed)
