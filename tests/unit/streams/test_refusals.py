"""While Flink aggregates, deltas that cannot be used become the dead letters of the Python aggregator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from msgspec.structs import replace

from features.memory_state import MemoryStateStore
from schemas.dead_letters import DeadLetter
from streams.handlers.on_item_deltas import on_item_deltas
from streams.item_stats.refusals import Refusals
from streams.log.ports import Unobserved
from streams.log.records import Inbound
from streams.state.partition_store import ITEMS, PartitionStore
from tests.builders import START
from tests.unit.streams.doubles import Shelf
from tests.unit.streams.test_aggregator import Reader, deltas


def broken(records: Sequence[Inbound]) -> list[Inbound]:
    """Return four deltas of which three cannot be used."""
    first, second, third, *rest = records
    return [
        replace(first, value=b"{"),
        replace(second, key=b"another"),
        replace(third, value=(third.value or b"").replace(b'"weight":1.0', b'"weight":-1')),
        *rest,
    ]


def refusals(*batches: Sequence[Inbound]) -> tuple[Refusals, Shelf, Reader]:
    """Return refusals of these batches, whose clock counts a second at each look."""
    shelf, reader, seconds = Shelf(), Reader(*batches), _seconds()
    made = Refusals(
        reader=reader,
        publisher=shelf,
        partitions=1,
        observer=Unobserved(),
        clock=lambda: START,
        monotonic=lambda: next(seconds),
    )
    return made, shelf, reader


def _seconds() -> Iterator[float]:
    return (float(second) for second in count())


def letters(shelf: Shelf) -> list[DeadLetter]:
    return [message.value for message in shelf.messages if isinstance(message.value, DeadLetter)]


def test_the_dead_letters_are_those_of_the_python_aggregator() -> None:
    batch = broken(deltas("a", "b", "c", "d"))
    made, shelf, reader = refusals(batch)
    made.publish_for(2.0)
    owner = PartitionStore(MemoryStateStore(), scope=ITEMS, partitions=1)
    owner.assign([0])
    expected = Shelf()
    expected.publish(on_item_deltas(batch, owner, now=START).messages)
    assert letters(shelf) == letters(expected)
    assert [letter.reason for letter in letters(shelf)] == ["not-json", "wrong-key", "invalid"]
    assert reader.commits == 1


def test_deltas_that_are_fine_publish_nothing() -> None:
    made, shelf, reader = refusals(deltas("a", "b"), ())
    made.publish_for(3.0)
    assert (shelf.messages, reader.commits) == ([], 1)
