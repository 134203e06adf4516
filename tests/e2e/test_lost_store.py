"""A state store that loses data: missing states are folded again from the log, as without the loss."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from deploy.embedded.stack import Stack
from tests.conftest import unheard
from tests.e2e.supervised import Supervised
from tests.e2e.system import System, wait_until
from tests.e2e.test_crash import events_of

pytestmark = [pytest.mark.servers, pytest.mark.slow]
LOG = "appendonly.aof"


@contextmanager
def stopped(embedded: Stack) -> Iterator[Path]:
    """Stop Redis within this context and yield its data file; start it again afterwards."""
    embedded._supervisor.stop(["redis"])
    yield embedded.layout.data("redis") / LOG
    embedded.up(unheard, names=frozenset({"redis"}))


def wipe(system: System, embedded: Stack, copy: Path) -> None:
    with redis.Redis.from_url(system.settings.redis.url.get_secret_value()) as client:
        client.flushall()


def put_back(system: System, embedded: Stack, copy: Path) -> None:
    with stopped(embedded) as log:
        shutil.copy(copy, log)


def cut(system: System, embedded: Stack, copy: Path) -> None:
    with stopped(embedded) as log, log.open("r+b") as file:
        file.truncate(log.stat().st_size - 60_000)


@pytest.mark.parametrize("damage", [wipe, put_back, cut])
def test_states_that_the_store_loses_are_folded_again_from_the_log(
    make_system: Callable[..., System], embedded: Stack, damage: Callable[..., None], tmp_path: Path
) -> None:
    system = make_system()
    system.catalogue()
    events = events_of(700, seed=3)
    supervised = Supervised(system)
    system.send(events[:300])
    supervised.wait_applied()
    copy = tmp_path / LOG
    if damage is put_back:
        with stopped(embedded) as log:
            shutil.copy(log, copy)
    system.send(events[300:600])
    supervised.wait_applied()
    before = supervised.restarts.copy()
    damage(system, embedded, copy)
    assert not system._is_applied_for_sure(), "the damage lost no data"
    supervised.wait_applied()
    system.send(events[600:])
    supervised.wait_undisturbed()
    assert all(count <= 1 for count in (supervised.restarts - before).values())
    wait_until(
        lambda: (
            {event.event_id for event in events[600:]} <= {e for each in system.lists() for e in each.trigger_event_ids}
        ),
        seconds=20,
        what="lists answer",
    )
