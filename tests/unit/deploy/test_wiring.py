"""What is put together from settings and files."""

from __future__ import annotations

from pathlib import Path

from deploy.wiring import fetch_weights
from inference.learning.weights_file import initial_weights, write_weights


def test_weights_that_were_announced_are_read_and_those_that_are_gone_are_none(tmp_path: Path) -> None:
    """A rollback to weights that are unsound is announced without a URI."""
    write_weights(tmp_path / "1.npz", initial_weights(("age",)))
    found = fetch_weights(str(tmp_path / "1.npz"))
    assert found is not None
    assert found.version == 0
    assert fetch_weights(str(tmp_path / "2.npz")) is fetch_weights("") is None
