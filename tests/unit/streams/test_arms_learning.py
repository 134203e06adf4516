"""Every arm's model variant learns from all traffic, and serves online_trainer the same rules as the champion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from inference.learning.model_variant import VariantConfig
from inference.learning.online_trainer import OnlineTrainer
from inference.learning.weights_file import read_weights, write_weights
from inference.ranking.network import Arrays
from schemas.model_updates import ModelUpdate
from schemas.ranking_log import Choice, Ranked, RankingLogEntry, RankingLogValue
from streams.log.in_memory_reader import InMemoryLogReader
from streams.trainer.process import Point, Trainer, run
from streams.worker.in_memory_runner import Crash
from tests.unit.streams.trainer_fixtures import (
    CONFIGS,
    Shelf,
    crash_at,
    entries,
    log_of,
    make_online_trainer,
    make_trainer,
)

SERVED = ("quick", "still")
BROKEN = {**CONFIGS, "broken": VariantConfig(rate=1e30)}


def in_arms(work: list[RankingLogEntry]) -> list[RankingLogValue]:
    """Return the same entries, as users in two arms made them."""
    values: list[RankingLogValue] = []
    for entry in work:
        arm = "bold" if int(entry.user_id[1:]) % 2 else "control"
        has_arm = isinstance(entry, Choice | Ranked)
        values.append(replace(entry, experiment="spring", arm=arm) if has_arm else entry)
    return values


def trainer(configs: dict[str, VariantConfig] = CONFIGS, served: tuple[str, ...] = SERVED) -> OnlineTrainer:
    return make_online_trainer(configs, served=served)


def learned(online_trainer: OnlineTrainer, work: list[RankingLogValue]) -> OnlineTrainer:
    for entry in work:
        online_trainer.learn(entry)
    return online_trainer


def same(first: Arrays, second: Arrays) -> bool:
    return all(np.array_equal(part, second[name]) for name, part in first.items())


@pytest.mark.parametrize("name", CONFIGS)
def test_every_variant_learns_from_the_users_of_every_arm(name: str) -> None:
    together = learned(trainer(), in_arms(entries(80)))
    alone = learned(make_online_trainer({"default": CONFIGS[name]}), [*entries(80)])
    assert same(together.variants[name].model.weights(), alone.first.weights())
    assert together.first.examples == alone.first.examples > 100


def test_without_arms_of_their_own_weights_the_champion_alone_is_exported() -> None:
    assert learned(make_online_trainer(), [*entries(20)]).export(1).others == {}


def exhaust(
    folder: Path, shelf: Shelf, online_trainer: OnlineTrainer | None = None, point: Point | None = None
) -> None:
    log = log_of(in_arms(entries(120)))
    make = (lambda: online_trainer) if online_trainer else trainer
    if point is not None:
        with pytest.raises(Crash):
            _run(make_trainer(log, folder, interrupt=crash_at(point, 3), make=make, shelf=shelf))
    _run(make_trainer(log, folder, make=make, shelf=shelf))


def _run(trainer: Trainer) -> None:
    assert isinstance(trainer.reader, InMemoryLogReader)
    run(trainer, until=trainer.reader.exhausted)


@pytest.mark.parametrize("point", [None, "own-file", "live-file", "announcement", "checkpoint", "commit"])
def test_one_file_and_one_version_hold_all_served_weights_wherever_the_trainer_crashes(
    tmp_path: Path, point: Point | None
) -> None:
    shelf = Shelf()
    exhaust(tmp_path, shelf, point=point)
    whole = learned(trainer(), in_arms(entries(120)))
    live = read_weights(tmp_path / "models" / "ranker" / "weights.npz")
    assert set(live.others) == set(SERVED)
    assert all(same(live.of(name), whole.variants[name].model.weights()) for name in SERVED)
    assert same(live.arrays, whole.champion.model.weights())
    newest = [m.value for m in shelf.messages if isinstance(m.value, ModelUpdate) and m.value.decision != "refused"][-1]
    assert newest.version == live.version
    assert set(read_weights(Path(newest.uri)).others) == set(SERVED)


def test_a_variant_whose_weights_are_not_finite_does_not_serve_and_does_not_stop_the_others(tmp_path: Path) -> None:
    with np.errstate(all="ignore"):
        exhaust(tmp_path, Shelf(), online_trainer=trainer(BROKEN, ("broken", "quick")))
    live = read_weights(tmp_path / "models" / "ranker" / "weights.npz")
    assert set(live.others) == {"quick"}
    assert live.version > 0


def test_a_file_of_one_variant_has_no_arrays_of_others(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.npz", learned(make_online_trainer(), [*entries(20)]).export(3))
    with np.load(tmp_path / "w.npz") as file:
        assert not [name for name in file.files if "/" in name]
