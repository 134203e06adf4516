"""Both arms learn from all traffic, and what they learn serves as exactly as the champion's."""

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
    """The same entries, as people in two arms made them."""
    found: list[RankingLogValue] = []
    for entry in work:
        arm = "bold" if int(entry.user_id[1:]) % 2 else "control"
        marked = isinstance(entry, Choice | Ranked)
        found.append(replace(entry, experiment="spring", arm=arm) if marked else entry)
    return found


def trainer(configs: dict[str, VariantConfig] = CONFIGS, served: tuple[str, ...] = SERVED) -> OnlineTrainer:
    return make_online_trainer(configs, served=served)


def learned(by: OnlineTrainer, work: list[RankingLogValue]) -> OnlineTrainer:
    for entry in work:
        by.learn(entry)
    return by


def same(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(part, other[name]) for name, part in one.items())


@pytest.mark.parametrize("name", CONFIGS)
def test_every_lineage_learns_what_people_of_every_arm_did(name: str) -> None:
    together = learned(trainer(), in_arms(entries(80)))
    alone = learned(make_online_trainer({"default": CONFIGS[name]}), [*entries(80)])
    assert same(together.variants[name].model.weights(), alone.first.weights())
    assert together.first.examples == alone.first.examples > 100


def test_without_arms_that_need_it_nothing_but_the_champion_is_exported() -> None:
    assert learned(make_online_trainer(), [*entries(20)]).export(1).others == {}


def exhaust(folder: Path, shelf: Shelf, by: OnlineTrainer | None = None, point: Point | None = None) -> None:
    log = log_of(in_arms(entries(120)))
    make = (lambda: by) if by else trainer
    if point is not None:
        with pytest.raises(Crash):
            _run(make_trainer(log, folder, interrupt=crash_at(point, 3), make=make, shelf=shelf))
    _run(make_trainer(log, folder, make=make, shelf=shelf))


def _run(trainer: Trainer) -> None:
    assert isinstance(trainer.reader, InMemoryLogReader)
    run(trainer, until=trainer.reader.exhausted)


@pytest.mark.parametrize("point", [None, "own-file", "live-file", "announcement", "checkpoint", "commit"])
def test_one_file_and_one_version_hold_all_that_serves_however_the_trainer_is_cut(
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


def test_a_lineage_that_is_no_numbers_any_longer_does_not_serve_and_does_not_stop_the_others(tmp_path: Path) -> None:
    with np.errstate(all="ignore"):
        exhaust(tmp_path, Shelf(), by=trainer(BROKEN, ("broken", "quick")))
    live = read_weights(tmp_path / "models" / "ranker" / "weights.npz")
    assert set(live.others) == {"quick"}
    assert live.version > 0


def test_a_file_of_one_lineage_is_the_same_to_the_byte_as_before(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.npz", learned(make_online_trainer(), [*entries(20)]).export(3))
    with np.load(tmp_path / "w.npz") as file:
        assert not [name for name in file.files if "/" in name]
