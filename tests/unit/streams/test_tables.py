"""The table topics: a wrong record is skipped and the others are applied."""

from __future__ import annotations

from dataclasses import replace

from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.topics import ITEMS
from streams.log.in_flight import CRASH_LIMIT, InFlight, Span
from streams.log.records import Inbound, Message
from streams.worker.tables import apply_tables
from tests.builders import START, item, make_deps


def record(offset: int, key: str, value: bytes | None) -> Inbound:
    return Inbound(topic=ITEMS, partition=0, offset=offset, key=key.encode(), value=value, timestamp=START)


def test_a_table_record_that_ended_the_worker_becomes_a_dead_letter_and_the_others_are_applied() -> None:
    letters: list[Message] = []
    in_flight = InFlight(suspects=[Span(f"{ITEMS}-0", 1, 1, CRASH_LIMIT)])
    deps = replace(make_deps(), in_flight=in_flight, letters=letters.extend)
    names = ("war-0", "war-1", "war-2")
    records = [record(offset, name, encode(item(name, "war"))) for offset, name in enumerate(names)]
    assert apply_tables(records, deps) == 2
    assert [*deps.table.catalogue] == ["war-0", "war-2"]
    [letter] = [message.value for message in letters]
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.offset) == ("crashed", 1)
