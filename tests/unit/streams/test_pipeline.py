"""Batches decided ahead of their effects: in order, none lost, none twice, whatever the store does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import sleep

import msgspec

from features.memory_state import MemoryStateStore
from schemas.codec import encode
from schemas.topics import INTERACTIONS, RECOMMENDATIONS
from streams.log.in_flight import InFlight, Note, Span
from streams.log.ports import Unobserved
from streams.log.records import Inbound
from streams.state.partition_store import PEOPLE, PartitionStore
from streams.worker.pipeline import Pipeline
from tests.builders import START, click, make_deps
from tests.unit.streams.doubles import FlakyStore, Shelf


class Handle:
    """The handle of a record; `done` says whether it is acknowledged."""

    def __init__(self) -> None:
        self.done = False

    def ack(self) -> None:
        self.done = True


def batches(number: int, size: int) -> list[list[Inbound]]:
    work = []
    for at in range(number):
        batch = []
        for index in range(size):
            offset = at * size + index
            event = click("ann", f"i{offset % 7}", at=offset)
            batch.append(
                Inbound(
                    topic=INTERACTIONS, partition=0, offset=offset, key=b"ann", value=encode(event), timestamp=START
                )
            )
        work.append(batch)
    return work


async def drive(
    store: MemoryStateStore,
    work: list[list[Inbound]],
    *,
    steal_at: int = -1,
    shelf: Shelf | None = None,
    in_flight: InFlight | None = None,
) -> tuple[PartitionStore, Shelf, list[Handle]]:
    from dataclasses import replace

    from streams.handlers.deps import Options

    options = Options(person_partitions=1, item_partitions=1)
    deps = replace(make_deps(), options=options, in_flight=in_flight or InFlight())
    owner = PartitionStore(store, scope=PEOPLE, partitions=1)
    owner.assign([0])
    shelf = shelf or Shelf()
    handles: list[Handle] = []

    async def lease_again() -> None:
        owner.release()
        await asyncio.sleep(0.02)
        owner.assign([0])

    pipeline = Pipeline(owner, deps, shelf, Unobserved(), lease_again=lease_again)
    for number, batch in enumerate(work):
        if number == steal_at:
            store.lease(PEOPLE, 0)
        batch_handles = [Handle() for _ in batch]
        handles += batch_handles
        await pipeline.handle(batch_handles, batch)
        await asyncio.sleep(0.005)
    await pipeline.drain()
    return owner, shelf, handles


def lists(shelf: Shelf) -> list[str]:
    return [m.value.trigger_event_ids for m in shelf.messages if m.topic == RECOMMENDATIONS]  # type: ignore[union-attr]


def test_everything_is_stored_and_acknowledged_in_order() -> None:
    store, work = MemoryStateStore(), batches(6, 5)
    _, shelf, handles = asyncio.run(drive(store, work))
    assert store.applied(PEOPLE, 0) == {f"{INTERACTIONS}-0": 29}
    assert all(handle.done for handle in handles)
    assert len(lists(shelf)) == 6


def test_a_store_that_is_away_is_waited_for() -> None:
    calm, flaky = MemoryStateStore(), FlakyStore(fails=1)
    work = batches(3, 4)
    asyncio.run(drive(calm, work))
    _, _, handles = asyncio.run(drive(flaky, work))
    assert dict(flaky.scan(PEOPLE, 0)) == dict(calm.scan(PEOPLE, 0))
    assert all(handle.done for handle in handles)


def test_after_a_fence_batches_that_are_not_stored_are_decided_again_with_the_same_result() -> None:
    calm, stolen = MemoryStateStore(), MemoryStateStore()
    work = batches(6, 4)
    asyncio.run(drive(calm, work))
    _, _, handles = asyncio.run(drive(stolen, work, steal_at=3))
    assert dict(stolen.scan(PEOPLE, 0)) == dict(calm.scan(PEOPLE, 0))
    assert stolen.applied(PEOPLE, 0) == calm.applied(PEOPLE, 0)
    assert all(handle.done for handle in handles)


class InFlightRecorder(Shelf):
    """A publisher that records what else is in flight while the effects of a batch are carried out."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.beside: list[tuple[int, int]] = []

    def wait(self) -> None:
        sleep(0.02)
        note = msgspec.json.decode(next(self._folder.iterdir()).read_bytes(), type=Note)
        self.beside += [(span.first, len(note.in_flight)) for span in note.in_flight]


def test_a_suspect_is_handled_while_nothing_else_is_in_flight(tmp_path: Path) -> None:
    work, suspect = batches(9, 1), Span(f"{INTERACTIONS}-0", 5, 5)
    (tmp_path / "process-0.json").write_bytes(msgspec.json.encode(Note(suspects=[suspect])))
    shelf = InFlightRecorder(tmp_path)
    asyncio.run(drive(MemoryStateStore(), work, shelf=shelf, in_flight=InFlight(tmp_path)))
    assert {together for first, together in shelf.beside if first == 5} == {1}
    assert max(together for _, together in shelf.beside) > 1
