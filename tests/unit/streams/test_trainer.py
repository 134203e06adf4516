"""Continual learning is exact: the same log gives the same weights, whatever crashes, repeats or poll sizes happen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from inference.learning import online_trainer_checkpoint
from inference.learning.weights_file import read_weights
from schemas.model_updates import ModelUpdate
from schemas.ranking_log import RankingLogValue
from schemas.topics import RANKING_LOG
from streams.log.in_memory_reader import InMemoryLogReader
from streams.trainer.process import Point, Trainer, run
from streams.trainer.progress import Checkpoint
from streams.worker.in_memory_runner import Crash
from tests.unit.streams.trainer_fixtures import (
    Shelf,
    append,
    choice,
    command,
    crash_at,
    entries,
    log_of,
    make_online_trainer,
    make_trainer,
    outcome,
    ranked,
)

EXAMPLES = entries(120)
WORK: list[RankingLogValue] = [
    *EXAMPLES[:250],
    command(1, variant="still"),
    *EXAMPLES[250:330],
    command(2, "rollback"),
    *EXAMPLES[330:],
]
"""A log in which the promotion policy decides, an operator decides twice, and the last block is not full."""


def exhaust(trainer: Trainer) -> bytes:
    """Return the online trainer's checkpoint after the whole log."""
    reader = trainer.reader
    assert isinstance(reader, InMemoryLogReader)
    run(trainer, until=reader.exhausted)
    return online_trainer_checkpoint.checkpoint(trainer.progress.online_trainer)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return exhaust(make_trainer(log_of(WORK), tmp_path_factory.mktemp("calm")))


@pytest.mark.parametrize("most", [2, 64, 500])
def test_the_same_log_in_other_polls_gives_the_same_weights(tmp_path: Path, undisturbed: bytes, most: int) -> None:
    assert exhaust(make_trainer(log_of(WORK), tmp_path, most=most)) == undisturbed


@pytest.mark.parametrize("point", ["own-file", "live-file", "announcement", "checkpoint", "commit"])
@pytest.mark.parametrize("time", [0, 1, 3])
def test_a_crash_before_any_effect_gives_the_same_weights(
    tmp_path: Path, undisturbed: bytes, point: Point, time: int
) -> None:
    log = log_of(WORK)
    with pytest.raises(Crash):
        exhaust(make_trainer(log, tmp_path, interrupt=crash_at(point, time)))
    assert exhaust(make_trainer(log, tmp_path, most=11)) == undisturbed


def test_crashes_one_after_the_other_give_the_same_weights(tmp_path: Path, undisturbed: bytes) -> None:
    log, crashes = log_of(WORK), 0
    for point in ("commit", "live-file", "checkpoint", "announcement") * 2:
        try:
            exhaust(make_trainer(log, tmp_path, most=5, interrupt=crash_at(point, 1)))
        except Crash:
            crashes += 1
    assert crashes > 4
    assert exhaust(make_trainer(log, tmp_path)) == undisturbed


def test_entries_written_while_the_trainer_is_down_are_learned_as_if_it_had_been_up(
    tmp_path: Path, undisturbed: bytes
) -> None:
    log = log_of(WORK[:70])
    exhaust(make_trainer(log, tmp_path))
    for entry in WORK[70:]:
        append(log, entry)
    assert exhaust(make_trainer(log, tmp_path)) == undisturbed


def test_a_new_assignment_of_the_log_restores_the_checkpoint(tmp_path: Path, undisturbed: bytes) -> None:
    trainer = make_trainer(log_of(WORK), tmp_path)
    exhaust(trainer)
    trainer.progress.begin()
    assert online_trainer_checkpoint.checkpoint(trainer.progress.online_trainer) == undisturbed


def test_announced_weights_name_the_offset_they_were_learned_up_to(tmp_path: Path) -> None:
    shelf = Shelf()
    exhaust(make_trainer(log_of(WORK), tmp_path / "one", shelf=shelf))
    for message in shelf.messages[-15:]:
        assert isinstance(message.value, ModelUpdate)
        if message.value.decision == "refused":
            continue
        upto = message.value.offsets["ranking-log-0"] + 1
        trainer = make_online_trainer()
        for entry in WORK[:upto]:
            trainer.learn(entry)
        published = read_weights(Path(message.value.uri))
        assert published.version == message.value.version
        assert all(np.array_equal(part, published.arrays[name]) for name, part in trainer.export(1).arrays.items())
    assert len(shelf.messages) > 5


def test_versions_grow_over_a_crash(tmp_path: Path) -> None:
    log, shelf = log_of(WORK), Shelf()
    with pytest.raises(Crash):
        exhaust(make_trainer(log, tmp_path, shelf=shelf, interrupt=crash_at("announcement", 4)))
    exhaust(make_trainer(log, tmp_path, shelf=shelf))
    serving = [m.value for m in shelf.messages if m.key == "ranker" and isinstance(m.value, ModelUpdate)]
    versions = [update.version for update in serving]
    assert versions == sorted(set(versions))


def test_a_record_that_is_no_entry_is_skipped(tmp_path: Path, undisturbed: bytes) -> None:
    log = log_of([])
    for number, entry in enumerate(WORK):
        append(log, entry)
        if number % 10 == 0:
            log.append(RANKING_LOG, "ann", b"{")
    assert exhaust(make_trainer(log, tmp_path)) == undisturbed


def test_a_checkpoint_of_another_release_gives_the_offset_to_read_on(tmp_path: Path) -> None:
    log = log_of(WORK)
    trainer = make_trainer(log, tmp_path)
    exhaust(trainer)
    path = tmp_path / "progress.bin"
    checkpoint = msgspec.msgpack.decode(path.read_bytes(), type=Checkpoint)
    path.write_bytes(msgspec.msgpack.encode(replace(checkpoint, online_trainer=b"\x00")))
    again = make_trainer(log, tmp_path)
    append(log, choice(1_000))
    exhaust(again)
    assert again.progress.online_trainer.first.examples == 1


def learned(*work: RankingLogValue) -> tuple[int, bytes]:
    trainer = make_online_trainer()
    for entry in work:
        trainer.learn(entry)
    return trainer.first.examples, trainer.export(1).arrays["linear"].tobytes()


def test_a_repeated_entry_is_learned_once() -> None:
    work: list[RankingLogValue] = [choice(1), ranked(1), outcome(1, 3)]
    assert learned(*work, *work) == learned(*work)
    assert learned(*work)[0] == 2


def test_a_late_click_corrects_the_outcome() -> None:
    without = learned(ranked(1), outcome(1, 3))
    late = learned(ranked(1), outcome(1, 3), outcome(1, 5, late=True))
    assert (without[0], late[0]) == (1, 2)
    assert late[1] != without[1]


def test_a_late_click_on_a_list_without_clicks_makes_it_an_example() -> None:
    assert learned(ranked(1), outcome(1))[0] == 0
    assert learned(ranked(1), outcome(1), outcome(1, 5, late=True)) == learned(ranked(1), outcome(1, 5))


def test_a_click_that_comes_before_its_impression_counts_when_the_outcome_matures() -> None:
    early = learned(ranked(1), outcome(1, 5, late=True), outcome(1))
    assert early == learned(ranked(1), outcome(1, 5))


@pytest.mark.parametrize(
    "late",
    [outcome(1, 3, late=True), outcome(2, 5, late=True), outcome(1, 99, late=True)],
    ids=["clicked already", "another list", "not shown"],
)
def test_a_late_click_that_says_nothing_new_changes_nothing(late: RankingLogValue) -> None:
    assert learned(ranked(1), outcome(1, 3), late) == learned(ranked(1), outcome(1, 3))
