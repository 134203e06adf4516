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
from schemas.ids import UserId
from schemas.statistics import ItemDelta
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.state.partition_store import PEOPLE
from streams.state.user_record import unpack


def quarantined_users(people: StateStore, partitions: int) -> frozenset[UserId]:
    """Return the users in quarantine, as of the newest decisions."""
    users = (unpack(state).user for partition in range(partitions) for _, state in people.scan(PEOPLE, partition))
    return frozenset(user.user_id for user in users if user.quarantined)


def decided(deltas: Iterable[Inbound], quarantined: Set[UserId], *, now: float) -> list[Inbound]:
    """Return the records of `item-deltas`, withheld if their user is in quarantine, and counted otherwise."""
    return [_decided(record, quarantined, now) for record in deltas]


def _decided(record: Inbound, quarantined: Set[UserId], now: float) -> Inbound:
    try:
        delta: ItemDelta = open_record(record, now=now)
    except DecodeError:
        return record
    withheld = delta.user_id in quarantined
    if not delta.user_id or withheld == delta.withheld:
        return record
    return replace(record, value=encode(replace(delta, withheld=withheld)))
