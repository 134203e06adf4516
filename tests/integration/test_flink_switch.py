"""`lifelong down` and `lifelong up --engine …` switch the engine of item statistics: every delta is counted once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.embedded.processes import processes_of
from deploy.embedded.stack import FLINK_NAMES, Stack
from deploy.settings import Settings
from features.statistics import NEIGHBOURS, PREDECESSORS
from tests.integration.published_rows import Published, assert_equal, python_rows, send
from tests.integration.recorded_deltas import recorded_deltas

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]

ENGINES = ("python", "flink", "python")
DELTAS_EACH = 1_000
SERVERS = frozenset({"kafka", "redis"}) | FLINK_NAMES


def unheard(name: str, what: str) -> None:
    """A report that nobody reads."""


@contextmanager
def aggregated_by(engine: str, data_dir: Path) -> Iterator[Settings]:
    """Start the stack of a data directory with an engine, and stop it: of Lifelong's processes, `statistics` works."""
    base = Settings(statistics={"engine": engine})
    stack = Stack(base.model_copy(update={"data_dir": data_dir}), module="tests.integration.idle")
    try:
        stack.up(unheard, names=SERVERS, programs=True)
        yield stack.settings()
    finally:
        stack.down()
    assert processes_of(data_dir) == []


def test_every_delta_is_counted_once_when_the_engine_is_switched_there_and_back(tmp_path: Path) -> None:
    deltas = recorded_deltas(DELTAS_EACH * len(ENGINES))
    for number, engine in enumerate(ENGINES):
        with aggregated_by(engine, tmp_path) as settings:
            send(settings, deltas[number * DELTAS_EACH : (number + 1) * DELTAS_EACH])
            # One undisturbed run of the Python aggregator over all deltas so far.
            wanted = python_rows(settings)
            published = Published(settings)
            published.wait_for(wanted, seconds=60.0, quiet=2.0)
            published.close()
        assert_equal(published.rows, wanted)
    shutil.rmtree(tmp_path)
    assert sum(row.count for row in published.rows.values()) == sum(not delta.withheld for delta in deltas)
    for item, row in wanted.items():
        own = published.rows[item]
        if len(row.covisits) < NEIGHBOURS:
            assert own.covisits == pytest.approx(row.covisits, rel=1e-9, abs=1e-15), item
        if len(row.transitions) < PREDECESSORS:
            assert own.transitions == pytest.approx(row.transitions, rel=1e-9, abs=1e-15), item
