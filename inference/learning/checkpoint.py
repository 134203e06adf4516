"""The complete state of a learner as bytes: after a restart it continues as if it had never stopped."""

from __future__ import annotations

import json

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.ids import ItemId
from schemas.ranking_log import Ranked


class Packed(Struct, frozen=True):
    """An array as bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class RingSnapshot(Struct, frozen=True):
    """A ring of examples: the filled part of its arrays."""

    added: int
    features: Packed
    target: Packed
    offset: Packed
    rows: Packed


class VectorsSnapshot(Struct, frozen=True):
    """The items' factors and their optimiser."""

    ids: list[ItemId]
    rows: Packed
    squares: Packed


class Snapshot(Struct, frozen=True, kw_only=True):
    """A learner: parameters, optimiser, random state, examples, pending lists and running scores."""

    table: str
    random: str
    parameters: Packed
    squares: Packed
    organic: RingSnapshot
    shown: RingSnapshot
    pending: list[Ranked]
    vectors: VectorsSnapshot | None
    tallies: dict[str, float]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    """Return the snapshot as bytes."""
    return _encoder.encode(snapshot)


def decode(data: bytes) -> Snapshot:
    """Return the snapshot that `encode` wrote.

    Raises:
        msgspec.DecodeError: these are not the bytes of a snapshot.
    """
    return _decoder.decode(data)


def pack(array: NDArray[np.generic]) -> Packed:
    """Return the array as bytes.

    >>> unpack(pack(np.array([1.5, 2.5]))).tolist()
    [1.5, 2.5]
    """
    return Packed(array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())


def unpack(packed: Packed) -> NDArray[np.generic]:
    """Return the array, writable."""
    return np.frombuffer(packed.data, packed.dtype).reshape(packed.shape).copy()


def pack_random(rng: np.random.Generator) -> str:
    """Return the generator's state as text."""
    return json.dumps(rng.bit_generator.state)


def unpack_random(state: str) -> np.random.Generator:
    """Return a generator in this state."""
    rng = np.random.default_rng(0)
    rng.bit_generator.state = json.loads(state)
    return rng
