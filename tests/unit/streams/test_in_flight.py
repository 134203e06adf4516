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
    """End a process while it handles these records, by an exception or by a kill."""
    process = InFlight(folder)
    process.begin(records)
    if why is not None:
        process.failed(why)
    process.close()


def aside(folder: Path, records: list[Inbound]) -> list[int]:
    process = InFlight(folder)
    offsets = [record.offset for record in records if process.is_set_aside(record)]
    process.close()
    return offsets


BATCH = [record(offset) for offset in range(4, 10)]


def test_a_record_that_ends_the_process_twice_while_it_is_alone_is_set_aside_and_no_other(tmp_path: Path) -> None:
    for _ in range(2):
        dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_one_death_sets_nothing_aside(tmp_path: Path) -> None:
    dies(tmp_path, [record(6)], ValueError("x"))
    assert aside(tmp_path, BATCH) == []


def test_killing_a_process_with_a_batch_any_number_of_times_sets_no_record_aside(tmp_path: Path) -> None:
    for _ in range(5):
        dies(tmp_path, BATCH)
    assert aside(tmp_path, BATCH) == []


def test_after_an_exception_in_a_batch_one_death_alone_is_enough(tmp_path: Path) -> None:
    dies(tmp_path, BATCH, ValueError("x"))
    dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_suspects_are_handled_one_by_one_and_the_order_is_kept(tmp_path: Path) -> None:
    dies(tmp_path, [record(4), record(5)])
    process = InFlight(tmp_path)
    read = [record(3), record(4), record(5), record(4, partition=1), record(6)]
    parts = [read[part] for part in process.split(read)]
    assert parts == [read[:1], [read[1]], [read[2]], read[3:]]


def test_without_a_suspect_records_stay_together() -> None:
    assert [BATCH[part] for part in InFlight().split(BATCH)] == [BATCH]


def test_a_record_that_was_handled_is_no_suspect_any_more(tmp_path: Path) -> None:
    dies(tmp_path, [record(4), record(5)])
    process = InFlight(tmp_path)
    for handled in (record(4), record(5)):
        with process.handling([handled]):
            pass
    process.close()
    successor = InFlight(tmp_path)
    assert [BATCH[part] for part in successor.split(BATCH)] == [BATCH]


def test_a_record_that_is_set_aside_stays_so_over_restarts(tmp_path: Path) -> None:
    for _ in range(2):
        dies(tmp_path, [record(6)])
    for _ in range(3):
        process = InFlight(tmp_path)
        with process.handling([record(6)]):
            pass
        process.close()
    assert aside(tmp_path, BATCH) == [6]


def test_an_exception_is_noted_and_an_interrupt_is_no_death(tmp_path: Path) -> None:
    for _ in range(3):
        process = InFlight(tmp_path)
        with pytest.raises(KeyboardInterrupt), process.handling([record(6)]):
            raise KeyboardInterrupt
        process.close()
    assert aside(tmp_path, BATCH) == []
    for _ in range(2):
        process = InFlight(tmp_path)
        with pytest.raises(ValueError, match="x"), process.handling([record(6)]):
            raise ValueError("x")
        process.close()
    assert aside(tmp_path, BATCH) == [6]


def test_the_same_offset_of_a_topic_that_began_anew_is_another_record(tmp_path: Path) -> None:
    for _ in range(2):
        dies(tmp_path, [record(6)])
    process = InFlight(tmp_path)
    assert not process.is_set_aside(record(6, generation=1))
    assert not process.is_set_aside(record(6, partition=1))


def test_two_processes_of_a_name_keep_two_notes(tmp_path: Path) -> None:
    first, second = InFlight(tmp_path), InFlight(tmp_path)
    first.begin([record(1)])
    second.begin([record(2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["process-0.json", "process-1.json"]
    notes = [(tmp_path / f"process-{number}.json").read_bytes() for number in (0, 1)]
    assert [b'"first":1' in note for note in notes] == [True, False]


@pytest.mark.parametrize("note", [b"", b"{", b"\xff\xfe", b'{"in_flight":7}', b'{"in_flight":[{"source":"inter', b"[]"])
def test_a_torn_note_is_ignored_and_overwritten(tmp_path: Path, note: bytes) -> None:
    (tmp_path / "process-0.json").write_bytes(note)
    assert aside(tmp_path, BATCH) == []
    for _ in range(2):
        dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_no_record_is_blamed_while_a_server_is_away(tmp_path: Path) -> None:
    for _ in range(3):
        process = InFlight(tmp_path)
        process.begin([record(6)])
        process.rest()
        process.close()
    assert aside(tmp_path, BATCH) == []
    process = InFlight(tmp_path)
    spans = process.begin([record(5)])
    process.rest()
    process.end(spans)
    process.begin([record(6)])
    process.close()
    dies(tmp_path, [record(6)])
    assert aside(tmp_path, BATCH) == [6]


def test_a_rewound_store_blames_no_record(tmp_path: Path) -> None:
    for _ in range(3):
        process = InFlight(tmp_path)
        with pytest.raises(Rewound), process.handling([record(6)]):
            raise Rewound("the state store was rewound")
        process.close()
    assert aside(tmp_path, BATCH) == []
