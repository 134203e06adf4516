"""The log is the source of truth: stored states equal a rebuild from it, and can be replaced by one."""

from __future__ import annotations

import subprocess

import pytest

from features.ports import Write
from schemas.ids import EventId, UserId
from schemas.instructions import BanItem
from streams.log.partitions import partition_of
from streams.state.partition_store import PEOPLE
from streams.state.user_record import new_user, pack
from tests.builders import START, click
from tests.e2e.system import System

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def damage(system: System, user: str) -> None:
    """Overwrite a user's state, as a fault would."""
    partition = partition_of(user, 4)
    lease = system.store.lease(PEOPLE, partition)
    states = {user: pack(new_user(UserId("somebody-else")))}
    system.store.save(
        Write(scope=PEOPLE, partition=partition, epoch=lease.epoch, states=states, applied=dict(lease.applied))
    )


def test_stored_states_equal_a_rebuild_and_damage_is_detected_and_repaired(system: System) -> None:
    system.catalogue()
    system.start()
    events = [click(f"u{n % 20}", f"{('war', 'comedy')[n % 2]}-{n % 7}", at=n * 5.0) for n in range(400)]
    system.send(events)
    system.wait_applied()
    ban = BanItem(event_id=EventId("ban"), user_id=UserId("u3"), event_time=START + 2_100.0, item_id="war-0")
    system.send([ban], topic="instructions")
    system.wait_applied()
    system.close_processes()
    assert "0 states differ" in system.command("rebuild", "--check")

    damage(system, "u3")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        system.command("rebuild", "--check")
    assert "1 states differ" in failure.value.stdout
    assert "u3" in failure.value.stdout

    assert "Wrote" in system.command("rebuild")
    assert "0 states differ" in system.command("rebuild", "--check")
