"""Comparison of stored states with those rebuilt from the log: which differ, and which may, as the log forgets causes.

Two causes of a user's state are not kept in the log. Rank requests number the user's lists and are kept for minutes, so
the version of a rebuilt user may be lower. And a memory names an item's categories as the catalogue had them then; the
catalogue keeps its newest entries alone, so users who met an item before its entry changed may have other memories.
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

CATALOGUE_LAG_SECONDS = 60.0
"""How long after a catalogue entry a worker may still have used the previous one."""


class Comparison(Struct, frozen=True):
    """Keys whose states differ without a reason, and keys whose difference is `explained` by what the log forgot."""

    differing: tuple[str, ...]
    explained: tuple[str, ...] = ()


class _UserItem(Struct):
    """The user and the item of any interaction."""

    user_id: str
    item_id: str = ""


_user_item = msgspec.json.Decoder(_UserItem)


def described_otherwise(records: Iterable[Inbound]) -> frozenset[str]:
    """Return the users who met an item before its newest catalogue entry, by the records of both topics."""
    all_records = list(records)
    changed = {record.key: record.timestamp for record in all_records if record.topic == ITEMS}
    users = set()
    for record in all_records:
        if record.topic != INTERACTIONS or not record.value:
            continue
        try:
            pair = _user_item.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
            continue
        if changed.get(pair.item_id.encode(), 0.0) + CATALOGUE_LAG_SECONDS > record.timestamp:
            users.add(pair.user_id)
    return frozenset(users)


def compare_people(
    rebuilt: StateStore, store: StateStore, partitions: int, otherwise: Collection[str] = ()
) -> Comparison:
    """Return the users whose states differ; of users in `otherwise` the memories may differ, the events may not."""
    differing: list[str] = []
    explained: list[str] = []
    for partition in range(partitions):
        left, right = dict(rebuilt.scan(PEOPLE, partition)), dict(store.scan(PEOPLE, partition))
        for key in sorted(left.keys() | right.keys()):
            if left.get(key) == right.get(key) or _same(left.get(key), right.get(key)):
                continue
            is_explained = key in otherwise and _same(left.get(key), right.get(key), facts_only=True)
            (explained if is_explained else differing).append(key)
    return Comparison(tuple(differing), tuple(explained))


def _same(left: bytes | None, right: bytes | None, *, facts_only: bool = False) -> bool:
    """Return whether two states are equal but for the list version; with `facts_only`, whether the events are."""
    if left is None or right is None:
        return False
    first, second = _read(left), _read(right)
    if first is None or second is None:
        return False
    if facts_only:
        return first.user == second.user
    return pack(replace(first, version=0)) == pack(replace(second, version=0))


def _read(state: bytes) -> UserRecord | None:
    try:
        return unpack(state)
    except msgspec.DecodeError:
        return None


def with_stored_versions(states: Mapping[str, bytes], stored: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the rebuilt users with versions no lower than the stored ones: the versions of lists never fall."""
    renumbered = dict(states)
    for key in states.keys() & stored.keys():
        published = _read(stored[key])
        rebuilt = unpack(states[key])
        if published is not None and published.version > rebuilt.version:
            renumbered[key] = pack(replace(rebuilt, version=published.version))
    return renumbered
