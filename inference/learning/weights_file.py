"""Weights files: one npz file, replaced atomically, that names the feature schema it fits.

The file holds an array per part of the network, `version` and `table`, and the values that the worker loads itself:
`repeat_rate`, `list_life`, and the learned item factors (`vector_ids`, `vectors`). Variants that serve the arms of an
experiment are in the same file, named `variant/part`: one version covers all that serves. It is read without pickle.
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
    """A weights file cannot be used: it is missing, another than the named one, or does not fit."""


class Weights(Struct, frozen=True, kw_only=True):
    """One version of a ranker. `vectors` is float32 `[items, features.item_factors.WIDTH]`, and `vector_ids` names its
    rows.

    `repeat_rate` is the share of choices that repeat an earlier one, as the learner measured it; `list_ttl` for how
    many seconds a user's list does better than the non-personalised one, 0 while that is unknown. `others` are the
    networks of variants that serve beside the champion, by their names.
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
        """Return the network of this variant; the champion's if it is not loaded or the name is empty."""
        return self.others.get(variant, self.arrays)


def initial_weights(columns: tuple[str, ...]) -> Weights:
    """Return version 0, which serves before anything is learned."""
    return Weights(version=0, table=feature_schema_id(columns), arrays=initial(columns))


def write_weights(path: Path, weights: Weights) -> None:
    """Write the weights to `path`: readers see the old file or the new one, never a part of one."""
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
    """Read the weights that `write_weights` wrote, from a path or an open file.

    Raises:
        FileNotFoundError: nothing was written there yet.
        UnusableWeights: it is no weights file, or incomplete.
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
    """Check that weights may serve this feature schema: every part has its shape, every number is finite.

    Raises:
        UnusableWeights: they may not serve.
    """
    if weights.table != feature_schema_id(columns):
        raise UnusableWeights(
            f"they fit feature schema {weights.table!r}, this process has {feature_schema_id(columns)!r}"
        )
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
    """Return networks by variant, from arrays by `variant/part`."""
    networks: dict[str, Arrays] = {}
    for name, array in arrays.items():
        variant, _, part = name.partition("/")
        networks.setdefault(variant, {})[part] = array
    return networks
