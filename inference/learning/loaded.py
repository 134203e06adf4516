"""Weights that were not learned here: read from a file that an operator names, checked, and served as they are."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from features.item_factors import WIDTH
from inference.learning.checkpoint import Packed, pack, unpack
from inference.learning.weights_file import Weights, read_weights
from inference.ranking.network import Arrays, initial
from schemas.errors import LifelongError
from schemas.ids import ItemId
from schemas.ranking_log import RankingLogEntry


class UnusableWeights(LifelongError):
    """A weights file cannot be loaded: it is not there, not the one that was meant, or does not fit."""


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


class Loaded:
    """A `inference.learning.lineage.Model` that stays as it was loaded."""

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


def load_weights(path: Path, sha256: str, *, columns: tuple[str, ...], table: str) -> Weights:
    """The weights in a file, checked before anything is served with them.

    Raises:
        UnusableWeights: it is not there, is another file than was meant, or is not fit to serve.
    """
    try:
        data = path.read_bytes()
        if digest(data) != sha256:
            raise UnusableWeights(f"{str(path)!r} is not the file that was meant: its SHA-256 is another")
        weights = read_weights(BytesIO(data))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        raise UnusableWeights(f"{str(path)!r} holds no weights: {exc}") from exc
    if weights.table != table:
        raise UnusableWeights(f"{str(path)!r} is for feature table {weights.table!r}, ours is {table!r}")
    expected = {name: part.shape for name, part in initial(columns).items()}
    if {name: part.shape for name, part in weights.arrays.items()} != expected:
        raise UnusableWeights(f"{str(path)!r} is of another network: its parts have other shapes")
    if len(weights.vector_ids) and weights.vectors.shape != (len(weights.vector_ids), WIDTH):
        raise UnusableWeights(f"{str(path)!r} has items' factors of another form")
    if not all(np.isfinite(part).all() for part in (*weights.arrays.values(), weights.vectors)):
        raise UnusableWeights(f"{str(path)!r} holds numbers that are not finite")
    return weights
