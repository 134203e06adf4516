"""MovieLens 100K, unpacked from the `recbole` wheel on the user's own machine; it is never redistributed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from schemas.errors import LifelongError

WHEEL = "recbole==1.2.1"
SIZE_MB = 2
NOTICE = """MovieLens 100K: 100,000 ratings of 1,682 films by 943 people, 1997-98.
Collected by GroupLens at the University of Minnesota (F. M. Harper and J. A. Konstan, "The MovieLens Datasets",
ACM TiiS 5:4, 2015). Not for commercial use or redistribution without their permission: grouplens.org/datasets.
Taken from the wheel of RecBole (MIT), which carries it as an example."""


class DataSet(Struct, frozen=True):
    """A file of events, its catalogue if it has one, and a notice that its owners require."""

    name: str
    events: Path
    items: Path | None
    notice: str


class NotFetched(LifelongError):
    """The wheel could not be fetched from the package index."""


def is_cached(cache: Path) -> bool:
    """Return whether the data set is in the cache."""
    return (_folder(cache) / "ml-100k.inter").is_file()


def movielens(cache: Path) -> DataSet:
    """Return the data set, fetched into the cache the first time.

    Raises:
        NotFetched: the package index does not answer; `--data` takes a file of your own instead.
    """
    folder = _folder(cache)
    if not is_cached(cache):
        _fetch(cache / WHEEL)
    return DataSet("MovieLens 100K", folder / "ml-100k.inter", folder / "ml-100k.item", NOTICE)


def _folder(cache: Path) -> Path:
    return cache / WHEEL / "recbole" / "dataset_example" / "ml-100k"


def _fetch(target: Path) -> None:
    """Fetch the wheel without its dependencies."""
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", str(target), WHEEL]
    result = subprocess.run(install, capture_output=True, text=True, check=False)
    if result.returncode:
        raise NotFetched(f"{WHEEL} could not be fetched: {result.stderr.strip()[-500:]}; `--data FILE` takes your own")
