"""What is stored, held against what the log says: what differs, and what may differ because the log does not hold it.

Two things about a person are not in the log for good. Rank requests number the person's lists and are kept for minutes,
so a rebuilt person's version may be lower. And a memory speaks of an item's categories as the catalogue had them then;
the catalogue keeps its newest entries alone, so people who met an item before its entry changed may remember otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from features.ports import StateStore
from schemas.topics import INTERACTIONS, ITEMS
from streams.log.records import Inbound
from streams.state.partition_store import PEOPLE
from streams.state.user_record import UserRecord, pack, unpack

SETTLES_SECONDS = 60.0
"""How long after a catalogue entry a worker may still have used the one before it."""


class Comparison(Struct, frozen=True):
    """Keys whose states differ, and keys whose states differ by what the log cannot tell any more."""

    differing: tuple[str, ...]
    explained: tuple[str, ...] = ()


class _Met(Struct):
    """Who met which item, of any interaction."""

    user_id: str
    item_id: str = ""


_met = msgspec.json.Decoder(_Met)


def described_otherwise(records: Iterable[Inbound]) -> frozenset[str]:
    """People who met an item before its catalogue entry became what it is now, by records of both topics."""
    found = list(records)
    changed = {record.key: record.timestamp for record in found if record.topic == ITEMS}
    people = set()
    for record in found:
        if record.topic != INTERACTIONS or not record.value:
            continue
        try:
            met = _met.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
            continue
        if changed.get(met.item_id.encode(), 0.0) + SETTLES_SECONDS > record.timestamp:
            people.add(met.user_id)
    return frozenset(people)


def compare_people(
    rebuilt: StateStore, store: StateStore, partitions: int, otherwise: Collection[str] = ()
) -> Comparison:
    """People whose states differ; of those in `otherwise` what is remembered may, and what they did may not."""
    differing: list[str] = []
    explained: list[str] = []
    for partition in range(partitions):
        left, right = dict(rebuilt.scan(PEOPLE, partition)), dict(store.scan(PEOPLE, partition))
        for key in sorted(left.keys() | right.keys()):
            if left.get(key) == right.get(key) or _same(left.get(key), right.get(key)):
                continue
            known = key in otherwise and _same(left.get(key), right.get(key), facts_only=True)
            (explained if known else differing).append(key)
    return Comparison(tuple(differing), tuple(explained))


def _same(left: bytes | None, right: bytes | None, *, facts_only: bool = False) -> bool:
    """Whether two states are of the same person but for the number of their last list; or what they did is the same."""
    if left is None or right is None:
        return False
    one, other = _read(left), _read(right)
    if one is None or other is None:
        return False
    return one.user == other.user if facts_only else pack(replace(one, version=0)) == pack(replace(other, version=0))


def _read(state: bytes) -> UserRecord | None:
    try:
        return unpack(state)
    except msgspec.DecodeError:
        return None


def with_stored_versions(states: Mapping[str, bytes], stored: Mapping[str, bytes]) -> dict[str, bytes]:
    """The rebuilt people, with lists numbered on from those that were published: a version never falls."""
    found = dict(states)
    for key in states.keys() & stored.keys():
        known = _read(stored[key])
        made = unpack(states[key])
        if known is not None and known.version > made.version:
            found[key] = pack(replace(made, version=known.version))
    return found
