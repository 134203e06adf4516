"""Weights of a ranker as they travel: one npz file, replaced atomically, that says which feature table it fits.

The file holds an array per part of the network, `version` and `table`, and beside them what the worker takes up itself:
`repeat_rate`, `list_ttl`, and the items' learned factors (`vector_ids`, `vectors`). Lineages that serve an experiment
are in the same file, `lineage/part` by name: one version is all that serves. It is read without pickle.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.item_factors import FACTOR_WIDTH
from features.views import feature_schema_id
from inference.ranking.network import Arrays, initial
from schemas.errors import LifelongError
from schemas.ids import ItemId

_BESIDE = ("version", "table", "repeat_rate", "list_life", "vector_ids", "vectors")


class UnusableWeights(LifelongError):
    """A weights file cannot be used: it is not there, not the one that was meant, or does not fit."""


class Weights(Struct, frozen=True, kw_only=True):
    """One version of a ranker. `vectors` is float32 `[items, features.item_factors.WIDTH]`, and
    `vector_ids` names its rows.

    `repeat_rate` is the share of choices that repeat an earlier one, as the learner has seen it; `list_ttl` for how
    many seconds a person's list does better than that for people never seen, 0 while that is not known. `others` are
    the networks of lineages that serve beside the champion, by their names.
    """

    version: int
    table: str
    arrays: Arrays
    repeat_rate: float = 0.0
    list_ttl: float = 0.0
    vector_ids: tuple[ItemId, ...] = ()
    vectors: NDArray[np.float32] = np.zeros((0, 0), np.float32)
    others: dict[str, Arrays] = {}

    def of(self, variant: str) -> Arrays:
        """The network of this lineage; the champion's if it is not here, or if none is named."""
        return self.others.get(variant, self.arrays)


def initial_weights(columns: tuple[str, ...]) -> Weights:
    """Version 0: what serves before anything was learned."""
    return Weights(version=0, table=feature_schema_id(columns), arrays=initial(columns))


def write_weights(path: Path, weights: Weights) -> None:
    """Put the weights at `path`: readers see the old file or the new one, never a part of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with draft.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            version=np.int64(weights.version),
            table=np.array(weights.table),
            repeat_rate=np.float64(weights.repeat_rate),
            list_life=np.float64(weights.list_ttl),
            vector_ids=np.array(weights.vector_ids, dtype=np.str_),
            vectors=weights.vectors,
            **weights.arrays,
            **{f"{name}/{part}": array for name, own in weights.others.items() for part, array in own.items()},
        )
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_weights(source: Path | BinaryIO) -> Weights:
    """What `write_weights` put at a path, from there or from an open file.

    Raises:
        FileNotFoundError: nothing was written there yet.
        UnusableWeights: it is another file, or not a whole one.
    """
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                return _read(file)
        return _read(source)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        raise UnusableWeights(f"no weights of a ranker: {exc}") from exc


def _read(source: BinaryIO) -> Weights:
    with np.load(source, allow_pickle=False) as file:
        return Weights(
            version=int(file["version"]),
            table=str(file["table"]),
            arrays={name: file[name] for name in file.files if name not in _BESIDE and "/" not in name},
            repeat_rate=float(file["repeat_rate"]),
            list_ttl=float(file["list_life"]) if "list_life" in file else 0.0,
            vector_ids=tuple(ItemId(str(item)) for item in file["vector_ids"]),
            vectors=file["vectors"],
            others=_others({name: file[name] for name in file.files if "/" in name}),
        )


def check_weights(weights: Weights, columns: tuple[str, ...]) -> None:
    """See that weights may serve this feature table: every part has its shape, every number is finite.

    Raises:
        UnusableWeights: they may not.
    """
    if weights.table != feature_schema_id(columns):
        raise UnusableWeights(f"they are for feature table {weights.table!r}, ours is {feature_schema_id(columns)!r}")
    expected = {name: part.shape for name, part in initial(columns).items()}
    for arrays in (weights.arrays, *weights.others.values()):
        if {name: part.shape for name, part in arrays.items()} != expected:
            raise UnusableWeights("they are of another network: its parts have other shapes")
    if len(weights.vector_ids) and weights.vectors.shape != (len(weights.vector_ids), FACTOR_WIDTH):
        raise UnusableWeights("they have items' factors of another form")
    parts = [part for arrays in (weights.arrays, *weights.others.values()) for part in arrays.values()]
    numbers = (np.array([weights.repeat_rate, weights.list_ttl]), weights.vectors, *parts)
    if not all(np.issubdtype(part.dtype, np.floating) and np.isfinite(part).all() for part in numbers):
        raise UnusableWeights("they hold numbers that are not finite")


def _others(arrays: Arrays) -> dict[str, Arrays]:
    """Networks by lineage, from arrays by `lineage/part`."""
    found: dict[str, Arrays] = {}
    for name, array in arrays.items():
        variant, _, part = name.partition("/")
        found.setdefault(variant, {})[part] = array
    return found
