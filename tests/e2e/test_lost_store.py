"""A state store that loses data: what is missing is folded again from the log, and states are as undisturbed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from deploy.embedded.stack import Stack
from tests.conftest import unheard
from tests.e2e.kept import Kept
from tests.e2e.system import System, wait_until
from tests.e2e.test_crash import events_of

pytestmark = [pytest.mark.servers, pytest.mark.slow]
LOG = "appendonly.aof"


@contextmanager
def stopped(embedded: Stack) -> Iterator[Path]:
    """Redis ended in good order, with its data in reach; started again afterwards."""
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
def test_what_the_store_loses_is_folded_again_from_the_log(
    make_system: Callable[..., System], embedded: Stack, damage: Callable[..., None], tmp_path: Path
) -> None:
    system = make_system()
    system.catalogue()
    events = events_of(700, seed=3)
    kept = Kept(system)
    system.send(events[:300])
    kept.wait_applied()
    copy = tmp_path / LOG
    if damage is put_back:
        with stopped(embedded) as log:
            shutil.copy(log, copy)
    system.send(events[300:600])
    kept.wait_applied()
    before = kept.restarts.copy()
    damage(system, embedded, copy)
    assert not system._surely_applied(), "nothing was lost: the damage is none"
    kept.wait_applied()
    system.send(events[600:])
    kept.wait_undisturbed()
    assert all(count <= 1 for count in (kept.restarts - before).values())
    wait_until(
        lambda: (
            {event.event_id for event in events[600:]} <= {e for made in system.lists() for e in made.trigger_event_ids}
        ),
        seconds=20,
        what="lists answer",
    )
