"""A user is erased on the real stack: by one command that proves it, from every copy, and for ever."""

from __future__ import annotations

import json
import time

import pytest

from deploy.cli.look import read_user
from deploy.erasure_proof import prove
from schemas.ids import UserId
from tests.builders import click
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
STORES = ("memories", "recommendations", "Milvus", "Feast on-line", "Feast off-line")


def left(system: System, user: str) -> dict[str, int]:
    """Return what each copy holds of a user."""
    proof = prove(system.settings, system.cluster, read_user(system.settings, UserId(user)))
    return {copy.where: copy.left for copy in proof.copies}


def test_an_erased_user_is_gone_from_every_copy_and_what_they_did_stays_away(system: System) -> None:
    system.catalogue()
    for program in ("worker", "projector"):
        system.start(program)
    old = [click("ann", f"war-{n % 8}", at=n) for n in range(12)]
    system.send([*old, *(click("bob", f"war-{n}", at=n) for n in range(6))])
    system.wait_applied()
    # An erasure that finds nothing in a store would prove nothing.
    wait_until(lambda: all(left(system, "ann")[name] for name in STORES), seconds=40, what="every copy has something")
    proof = json.loads(system.command("user", "erase", "ann", "--yes", "--json"))
    copies = {copy["where"]: copy for copy in proof["copies"]}
    assert {name: copies[name]["left"] for name in STORES} == dict.fromkeys(STORES, 0)
    assert copies["log interactions"]["left"] == len(old)
    assert all(copy["gone_at"] > time.time() for name, copy in copies.items() if name.startswith("log "))
    assert all(left(system, "bob")[name] for name in STORES)
    system.send([click("ann", "war-1", at=3)])
    system.wait_applied()
    assert {name: left(system, "ann")[name] for name in STORES} == dict.fromkeys(STORES, 0)
    assert read_user(system.settings, UserId("ann")).user.version == 0
    assert "you like war" in system.command("user", "show", "bob")
    system.close_processes()
    assert "0 states differ" in system.command("rebuild", "--check")
