"""Weights that were not learned here: read from a file that an operator names, checked, and served as they are."""

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
    """A `inference.learning.model_variant.Model` that stays as it was loaded."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def learn(self, entries: Sequence[RankingLogEntry]) -> None:
        """See `Model`; nothing is learned."""

    def weights(self) -> Arrays:
        """See `Model`."""
        return self._weights.arrays

    def export(self, version: int) -> Weights:
        """See `Model`."""
        return replace(self._weights, version=version)

    def checkpoint(self) -> bytes:
        """See `Model`."""
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
        """See `Model`."""
        kept = _decoder.decode(checkpoint)
        if kept.table != self._weights.table:
            return False
        arrays = {name: unpack(part).astype(np.float32, copy=False) for name, part in kept.arrays.items()}
        self._weights = Weights(
            version=kept.version,
            table=kept.table,
            arrays=arrays,
            repeat_rate=kept.repeat_rate,
            vector_ids=kept.vector_ids,
            vectors=unpack(kept.vectors).astype(np.float32, copy=False),
        )
        return True


def digest(data: bytes) -> str:
    """The SHA-256 of a file's content.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def load_weights(path: Path, sha256: str, *, columns: tuple[str, ...]) -> Weights:
    """The weights in a file, checked before anything is served with them.

    Raises:
        UnusableWeights: it is not there, is another file than was meant, or is not fit to serve.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UnusableWeights(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    if digest(data) != sha256:
        raise UnusableWeights(f"{str(path)!r} is not the file that was meant: its SHA-256 is another")
    try:
        weights = read_weights(BytesIO(data))
        check_weights(weights, columns)
    except UnusableWeights as exc:
        raise UnusableWeights(f"{str(path)!r} cannot serve: {exc}") from exc
    return weights
