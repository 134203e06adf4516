"""What is built from settings and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from deploy.settings import Settings
from deploy.wiring import current_weights, fetch_weights, weights_path
from inference.learning.weights_file import Weights, write_weights
from schemas.errors import DecodeError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def not_a_number(weights: Weights) -> Weights:
    arrays = {**weights.arrays, "bias": np.full_like(weights.arrays["bias"], np.nan)}
    return replace(weights, arrays=arrays, version=9)


def versions(settings: Settings) -> Path:
    return weights_path(settings).parent / "versions"


def test_announced_weights_are_read_and_deleted_ones_are_none(settings: Settings) -> None:
    """A rollback to unusable weights is announced without a URI."""
    write_weights(versions(settings) / "1.npz", current_weights(settings))
    fetched = fetch_weights(settings, str(versions(settings) / "1.npz"))
    assert fetched is not None
    assert fetched.version == 0
    assert fetch_weights(settings, str(versions(settings) / "2.npz")) is fetch_weights(settings, "") is None


def test_weights_elsewhere_or_invalid_ones_are_refused_with_a_message(settings: Settings, tmp_path: Path) -> None:
    own = current_weights(settings)
    write_weights(tmp_path / "elsewhere.npz", own)
    write_weights(versions(settings) / "nan.npz", not_a_number(own))
    cut = {name: part[..., :-1] for name, part in own.arrays.items()}
    write_weights(versions(settings) / "cut.npz", replace(own, arrays=cut))
    (versions(settings) / "text.npz").write_text("no weights")
    (versions(settings) / "folder.npz").mkdir()
    uris = [str(tmp_path / "elsewhere.npz"), "/dev/zero", "../../etc/passwd", "\0"]
    uris += [str(versions(settings) / f"{name}.npz") for name in ("nan", "cut", "text", "folder")]
    for uri in uris:
        with pytest.raises(DecodeError):
            fetch_weights(settings, uri)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_if_the_serving_weights_are_damaged_the_newest_good_version_serves(
    settings: Settings, damage: bytes | None
) -> None:
    own = current_weights(settings)
    write_weights(versions(settings) / "3.npz", replace(own, version=3))
    write_weights(versions(settings) / "10.npz", replace(own, version=10))
    write_weights(versions(settings) / "11.npz", not_a_number(own))
    if damage is None:
        write_weights(weights_path(settings), not_a_number(own))
    else:
        weights_path(settings).write_bytes(damage)
    assert current_weights(settings).version == 10
    assert current_weights(settings).version == 10
