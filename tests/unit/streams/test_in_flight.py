"""Which records are blamed for a process that ended, and when one is set aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import Rewound
from streams.log.in_flight import InFlight
from streams.log.records import Inbound


def record(offset: int, partition: int = 0, generation: int = 0) -> Inbound:
    return Inbound(
        topic="interactions",
        partition=partition,
        offset=offset,
        key=None,
        value=b"{}",
        timestamp=0.0,
        generation=generation,
    )


def dies(folder: Path, records: list[Inbound], why: Exception | None = None) -> None:
    """A process that ends while it handles these, by an exception or without a word."""
    process = InFlight(folder)
    process.begin(records)
    if why is not None:
        process.failed(why)
    letting_go(process)


def letting_go(process: InFlight) -> None:
    """The system closes a dead process's files, and with them its locks."""
    import os

    os.close(process._file)
    process._file = -1


def aside(folder: Path, records: list[Inbound]) -> list[int]:
    process = InFlight(folder)
    found = [one.offset for one in records if process.is_set_aside(one)]
    letting_go(process)
    return found


BATCH = [record(offset) for offset in range(4, 10)]


def test_one_that_ends_the_process_twice_while_it_is_alone_is_set_aside_and_no_other(tmp_path: Path) -> None:
    for _ in range(2):
        dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_one_death_sets_nothing_aside(tmp_path: Path) -> None:
    dies(tmp_path, [record(6)], ValueError("x"))
    assert aside(tmp_path, BATCH) == []


def test_a_process_that_is_killed_with_a_batch_any_number_of_times_costs_no_record(tmp_path: Path) -> None:
    for _ in range(5):
        dies(tmp_path, BATCH)
    assert aside(tmp_path, BATCH) == []


def test_after_an_exception_in_a_batch_one_more_death_alone_is_enough(tmp_path: Path) -> None:
    dies(tmp_path, BATCH, ValueError("x"))
    dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_suspects_are_taken_one_by_one_and_everything_keeps_its_order(tmp_path: Path) -> None:
    dies(tmp_path, [record(4), record(5)])
    process = InFlight(tmp_path)
    read = [record(3), record(4), record(5), record(4, partition=1), record(6)]
    parts = [read[part] for part in process.split(read)]
    assert parts == [read[:1], [read[1]], [read[2]], read[3:]]


def test_without_a_suspect_records_stay_together() -> None:
    assert [BATCH[part] for part in InFlight().split(BATCH)] == [BATCH]


def test_what_was_handled_after_all_is_no_suspect_any_more(tmp_path: Path) -> None:
    dies(tmp_path, [record(4), record(5)])
    process = InFlight(tmp_path)
    for one in (record(4), record(5)):
        with process.handling([one]):
            pass
    letting_go(process)
    again = InFlight(tmp_path)
    assert [BATCH[part] for part in again.split(BATCH)] == [BATCH]


def test_what_is_set_aside_stays_so_over_many_starts(tmp_path: Path) -> None:
    for _ in range(2):
        dies(tmp_path, [record(6)])
    for _ in range(3):
        process = InFlight(tmp_path)
        with process.handling([record(6)]):
            pass
        letting_go(process)
    assert aside(tmp_path, BATCH) == [6]


def test_an_exception_is_noted_and_being_told_to_stop_is_no_death(tmp_path: Path) -> None:
    for _ in range(3):
        process = InFlight(tmp_path)
        with pytest.raises(KeyboardInterrupt), process.handling([record(6)]):
            raise KeyboardInterrupt
        letting_go(process)
    assert aside(tmp_path, BATCH) == []
    for _ in range(2):
        process = InFlight(tmp_path)
        with pytest.raises(ValueError, match="x"), process.handling([record(6)]):
            raise ValueError("x")
        letting_go(process)
    assert aside(tmp_path, BATCH) == [6]


def test_the_same_offset_of_a_topic_that_began_anew_is_another_record(tmp_path: Path) -> None:
    for _ in range(2):
        dies(tmp_path, [record(6)])
    process = InFlight(tmp_path)
    assert not process.is_set_aside(record(6, generation=1))
    assert not process.is_set_aside(record(6, partition=1))


def test_two_processes_of_a_name_keep_two_notes(tmp_path: Path) -> None:
    one, other = InFlight(tmp_path), InFlight(tmp_path)
    one.begin([record(1)])
    other.begin([record(2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["process-0.json", "process-1.json"]
    notes = [(tmp_path / f"process-{number}.json").read_bytes() for number in (0, 1)]
    assert [b'"first":1' in note for note in notes] == [True, False]


@pytest.mark.parametrize("left", [b"", b"{", b"\xff\xfe", b'{"in_flight":7}', b'{"in_flight":[{"source":"inter', b"[]"])
def test_a_torn_note_says_nothing_and_is_written_over(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "process-0.json").write_bytes(left)
    assert aside(tmp_path, BATCH) == []
    for _ in range(2):
        dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_while_a_server_is_away_nothing_is_to_blame_and_afterwards_it_is_again(tmp_path: Path) -> None:
    for _ in range(3):
        process = InFlight(tmp_path)
        process.begin([record(6)])
        process.rest()
        letting_go(process)
    assert aside(tmp_path, BATCH) == []
    process = InFlight(tmp_path)
    spans = process.begin([record(5)])
    process.rest()
    process.end(spans)
    process.begin([record(6)])
    letting_go(process)
    dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_a_store_that_went_back_blames_no_record(tmp_path: Path) -> None:
    for _ in range(3):
        process = InFlight(tmp_path)
        with pytest.raises(Rewound), process.handling([record(6)]):
            raise Rewound("the state store went back")
        letting_go(process)
    assert aside(tmp_path, BATCH) == []
