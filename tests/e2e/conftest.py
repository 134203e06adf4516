"""A fresh system for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.settings import Settings
from tests.e2e.system import System


@pytest.fixture
def make_system(stack: Settings, tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Makes systems on the session's servers and closes them after the test."""
    made: list[System] = []

    def make(**more: Any) -> System:
        made.append(System(stack, tmp_path, **more))
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.fixture
def system(make_system: Callable[..., System]) -> System:
    """One system with the usual settings."""
    return make_system()
