"""A model loaded from a file that an operator names: checked, and served as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from inference.learning.checkpoint import Packed, pack, unpack
from inference.learning.weights_file import UnusableWeights, Weights, check_weights, read_weights
from inference.ranking.network import Arrays
from schemas.ids import ItemId
from schemas.ranking_log import RankingLogEntry


class LoadedSnapshot(Struct, frozen=True, kw_only=True):
    """Weights as bytes."""

    version: int
    table: str
    arrays: dict[str, Packed]
    repeat_rate: float
    vector_ids: tuple[ItemId, ...]
    vectors: Packed


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LoadedSnapshot)


class LoadedModel:
    """A `inference.learning.model_variant.VariantModel` that stays as it was loaded."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def learn(self, entries: Sequence[RankingLogEntry]) -> None:
        """See `VariantModel`; nothing is learned."""

    def weights(self) -> Arrays:
        """See `VariantModel`."""
        return self._weights.arrays

    def export(self, version: int) -> Weights:
        """See `VariantModel`."""
        return replace(self._weights, version=version)

    def checkpoint(self) -> bytes:
        """See `VariantModel`."""
        own = self._weights
        return _encoder.encode(
            LoadedSnapshot(
                version=own.version,
                table=own.table,
                arrays={name: pack(part) for name, part in own.arrays.items()},
                repeat_rate=own.repeat_rate,
                vector_ids=own.vector_ids,
                vectors=pack(own.vectors),
            )
        )

    def restore(self, checkpoint: bytes) -> bool:
        """See `VariantModel`."""
        snapshot = _decoder.decode(checkpoint)
        if snapshot.table != self._weights.table:
            return False
        arrays = {name: unpack(part).astype(np.float32, copy=False) for name, part in snapshot.arrays.items()}
        self._weights = Weights(
            version=snapshot.version,
            table=snapshot.table,
            arrays=arrays,
            repeat_rate=snapshot.repeat_rate,
            vector_ids=snapshot.vector_ids,
            vectors=unpack(snapshot.vectors).astype(np.float32, copy=False),
        )
        return True


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file's content.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def load_weights(path: Path, sha256: str, *, columns: tuple[str, ...]) -> Weights:
    """Read the weights in a file and check that they may serve.

    Raises:
        UnusableWeights: the file is missing, has another digest, or may not serve.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UnusableWeights(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    if digest(data) != sha256:
        raise UnusableWeights(f"{str(path)!r} has another SHA-256 than was named: name the digest of this file")
    try:
        weights = read_weights(BytesIO(data))
        check_weights(weights, columns)
    except UnusableWeights as exc:
        raise UnusableWeights(f"{str(path)!r} cannot serve: {exc}") from exc
    return weights
