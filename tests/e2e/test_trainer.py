"""The trainer on a real log: after several kills it has the weights of a trainer without any."""

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


def traffic(number: int) -> list:
    """Return clicks and impressions of users, some of them late."""
    rng, events = random.Random(number), []
    for at in range(number * 300, (number + 1) * 300):
        user, name = f"u{rng.randrange(20)}", f"{rng.choice(('war', 'comedy', 'drama'))}-{rng.randrange(8)}"
        events.append(click(user, name, at=at * 20.0))
        if at % 5 == 0:
            events.append(impression(user, (name, "war-7", "drama-7"), f"list-{at}", at=at * 20.0 + 1))
    return events


def stored_checkpoint(system: System) -> Checkpoint | None:
    path: Path = system.settings.data_dir / "trainer" / f"{system.settings.topics.prefix}progress.bin"
    return msgspec.msgpack.decode(path.read_bytes(), type=Checkpoint) if path.is_file() else None


def test_a_trainer_that_is_killed_learns_the_same_weights(make_system) -> None:  # type: ignore[no-untyped-def]
    system: System = make_system(trainer=TUNING, worker={"prequential_per_batch": 200})
    system.catalogue()
    system.start()
    for number in range(4):
        trainer = system.start("trainer")
        system.send(traffic(number))
        # Killed at any point after it has begun to read the log again.
        before = stored_checkpoint(system)
        wait_until(lambda was=before: stored_checkpoint(system) != was, seconds=60, what="a checkpoint")
        time.sleep(random.Random(number).random())
        system.kill(trainer)
    last = system.start("trainer")
    system.wait_applied()
    wait_until(
        lambda: (
            (checkpoint := stored_checkpoint(system)) is not None
            and checkpoint.offsets == {"ranking-log-0": len(system.records(RANKING_LOG))}
        ),
        seconds=60,
        what="all is learned",
    )
    last.send_signal(signal.SIGTERM)
    last.wait(20)
    checkpoint = stored_checkpoint(system)
    assert checkpoint is not None
    trainer = make_online_trainer(system.settings)
    with threadpool_limits(1):
        for record in system.records(RANKING_LOG)[: checkpoint.offsets["ranking-log-0"]]:
            on_ranking_log(record, trainer)
    assert trainer.first.examples > 300
    assert checkpoint.online_trainer == online_trainer_checkpoint.checkpoint(trainer)


def test_learned_item_factors_are_found_by_similarity(make_system) -> None:  # type: ignore[no-untyped-def]
    system: System = make_system(trainer=TUNING, worker={"prequential_per_batch": 200})
    system.catalogue()
    for program in ("worker", "trainer", "projector"):
        system.start(program)
    system.send(traffic(0))
    index = make_factor_index(system.settings)
    try:
        wait_until(lambda: _most_similar(index, "war-0") != (), seconds=90, what="learned factors in Milvus")
        assert ItemId("war-0") not in _most_similar(index, "war-0")
    finally:
        index.close()


def _most_similar(index: MilvusItems, item: str) -> tuple[ItemId, ...]:
    """Return the most similar items; none while Milvus creates the collection."""
    try:
        return tuple(similar.item_id for similar in index.like(ItemId(item), 3))
    except StoreUnavailable:
        return ()
