"""The weights files of a model repository: which may serve, and which was announced.

`weights.npz` serves; `versions/<number>.npz` served lately. A file that is broken, or that holds numbers that are not
finite, is skipped: the newest good one serves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from msgspec import Struct

from features.views import feature_schema_id
from inference.learning.weights_file import UnusableWeights, Weights, check_weights, read_weights
from schemas.errors import DecodeError

logger = logging.getLogger(__name__)
LARGEST_FILE = 4_000_000_000


class ServedWeights(Struct, frozen=True):
    """The newest good weights and their path, if there are any; `next_version` is above all versions that were read."""

    weights: Weights | None
    path: Path | None
    next_version: int


def newest_good(live: Path, columns: tuple[str, ...]) -> ServedWeights:
    """Return what serves; where that is broken, the newest good version beside it.

    Weights of another feature schema than that of `columns` may not serve, but are no error.
    """
    highest = -1
    for path in (live, *_versions(live.parent)):
        try:
            weights = read_weights(path)
            highest = max(highest, weights.version)
            if weights.table != feature_schema_id(columns):
                break
            check_weights(weights, columns)
        except FileNotFoundError:
            continue
        except UnusableWeights as exc:
            logger.error("%s does not serve: %s; looking for the newest good version", path, exc)
        else:
            return ServedWeights(weights, path, weights.version + 1)
    return ServedWeights(None, None, highest + 1)


def _versions(repository: Path) -> Iterator[Path]:
    """Yield the paths of the kept versions, newest first."""
    numbered = [path for path in (repository / "versions").glob("*.npz") if path.stem.isdigit()]
    yield from sorted(numbered, key=lambda path: -int(path.stem))


def announced_weights(uri: str, repository: Path, columns: tuple[str, ...]) -> Weights | None:
    """Return the weights at this URI; none if it is empty, the file is gone, or they are of another feature schema.

    Raises:
        DecodeError: it is no file of this repository, or holds nothing that may serve.
    """
    if not uri:
        return None
    try:
        path = Path(uri).resolve()
        if not path.is_relative_to(repository.resolve()):
            raise DecodeError("invalid", f"{uri!r} is no file of the model repository {str(repository)!r}")
        status = path.stat()
        if not S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
            raise DecodeError("invalid", f"{uri!r} is no weights file")
        weights = read_weights(path)
        if weights.table != feature_schema_id(columns):
            return None
        check_weights(weights, columns)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (UnusableWeights, OSError, ValueError) as exc:
        raise DecodeError("invalid", f"{uri!r} cannot serve: {exc}") from exc
    return weights
