"""Quarantines in a rebuild: the newest decision about an account holds for all that it ever did.

A worker withholds the deltas of an account from the decision on. A rebuild withholds those before it too, and counts
the withheld ones of an account whose quarantine was lifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from msgspec.structs import replace

from features.ports import StateStore
from schemas.codec import encode
from schemas.errors import DecodeError
from schemas.statistics import ItemDelta
from schemas.topics import INTERACTIONS, MISROUTED
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.state.partition_store import PEOPLE
from streams.state.user_record import unpack

Source = tuple[str, int]
"""The source partition of a record, as deltas name it, and its offset."""


def quarantined_sources(people: StateStore, partitions: int, records: Iterable[Inbound]) -> frozenset[Source]:
    """Return the records of `interactions` by users in quarantine, as of the newest decisions."""
    keys = {
        user.encode()
        for partition in range(partitions)
        for user, state in people.scan(PEOPLE, partition)
        if unpack(state).user.quarantined
    }
    return frozenset(
        (f"{record.log}-{record.partition}", record.offset)
        for record in records
        if record.topic in (INTERACTIONS, MISROUTED) and record.key in keys
    )


def decided(deltas: Iterable[Inbound], quarantined: Set[Source], *, now: float) -> list[Inbound]:
    """Return the records of `item-deltas`, withheld if their source is quarantined, and counted if it is not."""
    return [_decided(record, quarantined, now) for record in deltas]


def _decided(record: Inbound, quarantined: Set[Source], now: float) -> Inbound:
    try:
        delta: ItemDelta = open_record(record, now=now)
    except DecodeError:
        return record
    withheld = (delta.source, delta.offset) in quarantined
    return record if withheld == delta.withheld else replace(record, value=encode(replace(delta, withheld=withheld)))
