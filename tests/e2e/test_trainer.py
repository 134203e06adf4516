"""The trainer on a real log: killed again and again, it arrives at the weights of one that nothing happened to."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import msgspec
import pytest
from threadpoolctl import threadpool_limits

from agents.actions.milvus_items import MilvusItems
from deploy.clients import make_factor_index
from deploy.wiring import make_online_trainer
from inference.learning import online_trainer_checkpoint
from schemas.errors import StoreUnavailable
from schemas.ids import ItemId
from schemas.topics import RANKING_LOG
from streams.handlers.on_ranking_log import on_ranking_log
from streams.trainer.progress import Checkpoint
from tests.builders import click, impression
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
TUNING = {"publish_every_seconds": 0.3, "checkpoint_every_seconds": 0.5}


def life(number: int) -> list:
    """People who are shown lists and click, some of it late."""
    rng, found = random.Random(number), []
    for at in range(number * 300, (number + 1) * 300):
        user, name = f"u{rng.randrange(20)}", f"{rng.choice(('war', 'comedy', 'drama'))}-{rng.randrange(8)}"
        found.append(click(user, name, at=at * 20.0))
        if at % 5 == 0:
            found.append(impression(user, (name, "war-7", "drama-7"), f"list-{at}", at=at * 20.0 + 1))
    return found


def kept(system: System) -> Checkpoint | None:
    path: Path = system.settings.data_dir / "trainer" / f"{system.settings.topics.prefix}progress.bin"
    return msgspec.msgpack.decode(path.read_bytes(), type=Checkpoint) if path.is_file() else None


def test_a_trainer_that_is_killed_arrives_at_the_same_weights(make_system) -> None:  # type: ignore[no-untyped-def]
    system: System = make_system(trainer=TUNING, worker={"prequential_per_batch": 200})
    system.catalogue()
    system.start()
    for number in range(4):
        trainer = system.start("trainer")
        system.send(life(number))
        # Killed at whatever it is doing, after it has taken up the log again.
        before = kept(system)
        wait_until(lambda was=before: kept(system) != was, seconds=60, what="a checkpoint")
        time.sleep(random.Random(number).random())
        system.kill(trainer)
    last = system.start("trainer")
    system.wait_applied()
    wait_until(
        lambda: (
            (found := kept(system)) is not None and found.offsets == {"ranking-log-0": len(system.records(RANKING_LOG))}
        ),
        seconds=60,
        what="all is learned",
    )
    last.send_signal(signal.SIGTERM)
    last.wait(20)
    found = kept(system)
    assert found is not None
    trainer = make_online_trainer(system.settings)
    with threadpool_limits(1):
        for record in system.records(RANKING_LOG)[: found.offsets["ranking-log-0"]]:
            on_ranking_log(record, trainer)
    assert trainer.first.examples > 300
    assert found.online_trainer == online_trainer_checkpoint.checkpoint(trainer)


def test_what_is_learned_of_items_is_found_by_likeness(make_system) -> None:  # type: ignore[no-untyped-def]
    system: System = make_system(trainer=TUNING, worker={"prequential_per_batch": 200})
    system.catalogue()
    for program in ("worker", "trainer", "projector"):
        system.start(program)
    system.send(life(0))
    index = make_factor_index(system.settings)
    try:
        wait_until(lambda: _likest(index, "war-0") != (), seconds=90, what="learned factors in Milvus")
        assert ItemId("war-0") not in _likest(index, "war-0")
    finally:
        index.close()


def _likest(index: MilvusItems, item: str) -> tuple[ItemId, ...]:
    """The items most like this one; none while Milvus makes the collection."""
    try:
        return tuple(one.item_id for one in index.like(ItemId(item), 3))
    except StoreUnavailable:
        return ()
