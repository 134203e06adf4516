"""Only jars that match the lock are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.embedded import jars, kafka
from deploy.embedded.server import StackError


@pytest.fixture
def two_jars(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "broker.jar", tmp_path / "api.jar"]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


@pytest.fixture
def lock(tmp_path: Path, two_jars: list[Path]) -> dict[str, str]:
    path = tmp_path / "jars.lock"
    path.write_text(jars.render_lock(two_jars))
    return jars.read_lock(path)


def test_locked_jars_pass(two_jars: list[Path], lock: dict[str, str]) -> None:
    jars.verify(two_jars, lock)
    assert sorted(lock) == ["api.jar", "broker.jar"]


def test_a_tampered_jar_is_refused_by_name(two_jars: list[Path], lock: dict[str, str]) -> None:
    two_jars[0].write_bytes(b"something else")
    with pytest.raises(StackError, match=r"broker\.jar.*was changed or damaged"):
        jars.verify(two_jars, lock)


def test_a_missing_jar_is_refused_by_name(two_jars: list[Path], lock: dict[str, str]) -> None:
    with pytest.raises(StackError, match=r"api\.jar.*not resolved"):
        jars.verify(two_jars[:1], lock)


def test_an_unlocked_jar_is_refused_by_name(tmp_path: Path, two_jars: list[Path], lock: dict[str, str]) -> None:
    (tmp_path / "extra.jar").write_bytes(b"?")
    with pytest.raises(StackError, match=r"extra\.jar.*not in the lock"):
        jars.verify([*two_jars, tmp_path / "extra.jar"], lock)


def test_the_committed_lock_has_the_required_jars() -> None:
    names = jars.read_lock(kafka.LOCK)
    for coordinate in kafka.COORDINATES:
        _, artifact, version = coordinate.split(":")
        assert f"{artifact}-{version}.jar" in names
    assert all(len(digest) == 64 for digest in names.values())
