"""The proof of an erasure: what every copy still holds of a user from before they were erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from deploy.clients import make_feast, make_memory_index
from deploy.settings import Settings
from schemas.bounds import LARGEST_TIME
from schemas.codec import decode
from schemas.dead_letters import DeadLetter
from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.memories import named_by
from schemas.statistics import ItemDelta
from schemas.topics import (
    BY_NAME,
    DEAD_LETTERS,
    ERASURES,
    ITEM_DELTAS,
    MEMORIES,
    MISROUTED,
    PERSON_TOPICS,
    PLANS,
    RANKING_LOG,
    RECOMMENDATIONS,
)
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.kafka_users import memories_of, records_in_partitions_of
from streams.log.records import Inbound
from streams.state.user_record import UserRecord, new_user

LOGS_BY_USER = tuple(
    topic
    for topic in sorted({*PERSON_TOPICS, MISROUTED, PLANS, RANKING_LOG, RECOMMENDATIONS, MEMORIES} - {ERASURES})
    if BY_NAME[topic].cleanup == "delete" or topic in (RECOMMENDATIONS, MEMORIES)
)
"""Logs whose keys name users. Erasures and quarantines are kept on purpose."""
LOGS_BY_OTHERS = (DEAD_LETTERS, ITEM_DELTAS)
"""Logs whose keys are no users; their values may name one."""
SEGMENT_MS = 7 * 86_400_000
"""Kafka's default of `segment.ms`: a record is removed with its segment."""


class Copy(Struct, frozen=True, kw_only=True):
    """A copy, how much `left` in it is about the user, and when that is gone (wall clock): none if nothing removes it.

    What is left in a log goes with the log's retention or compaction; nothing reads it any more but readers of the log
    itself.
    """

    where: str
    left: int
    gone_at: float | None = None


class ErasureProof(Struct, frozen=True, kw_only=True):
    """What is left of a user who was erased as of `erased_at` (event time), 0 if they never were."""

    user_id: UserId
    erased_at: float
    copies: tuple[Copy, ...]

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is left but what a log removes by itself."""
        return self.erased_at > 0.0 and all(copy.left == 0 or copy.gone_at is not None for copy in self.copies)

    def follows(self, erasure: Erasure) -> bool:
        """Return whether it proves this erasure."""
        return self.erased_at >= erasure.event_time and self.is_complete


def prove(settings: Settings, cluster: Cluster, record: UserRecord, *, with_logs: bool = True) -> ErasureProof:
    """Look at every copy for what is left of a user from before their record's `erased_at`; all of one never erased.

    It reads the user's partitions of the topics, the off-line log of this machine, and, unless told otherwise, the
    topics of dead letters and deltas.

    Raises:
        StoreUnavailable: a store does not answer.
        KafkaAway: Kafka does not answer.
    """
    user, until = record.user.user_id, record.erased_at or LARGEST_TIME
    copies = [*_stores(settings, cluster, record, until)]
    if with_logs:
        records = [*_of(cluster, LOGS_BY_USER, user), *_naming(cluster, user)]
        copies += _logs(cluster, _replaced_or_before(records, until))
    return ErasureProof(user_id=user, erased_at=record.erased_at, copies=tuple(copies))


def _stores(settings: Settings, cluster: Cluster, record: UserRecord, until: float) -> Iterator[Copy]:
    """Yield the copies that an erasure empties; where times are not kept, all counts unless a new history began."""
    user, agent = record.user.user_id, record.agent
    counts_all = record.erased_at == 0.0 or record.is_unknown
    on_line, off_line = make_feast(settings).rows_of(user, until=until)
    indexed, own = make_memory_index(settings).count(user), 0 if counts_all else len(agent.memories + agent.dormant)
    memories = [m for m in memories_of(cluster, [user]).values() if m.recorded_from <= until]
    newest = [r for r in _of(cluster, (RECOMMENDATIONS,), user)][-1:]
    yield Copy(where="state", left=int(record.erased_at == 0.0 and record != new_user(user)))
    yield Copy(where="memories", left=len(memories))
    yield Copy(where="recommendations", left=sum(1 for r in newest if r.value and _is_before(r, until)))
    yield Copy(where="Milvus", left=max(0, indexed - own))
    yield Copy(where="Feast on-line", left=on_line if counts_all else 0)
    yield Copy(where="Feast off-line", left=off_line)


def _replaced_or_before(records: Iterable[Inbound], until: float) -> Iterator[Inbound]:
    """Yield the records from before the erasure, but the newest value of a key of a compacted topic."""
    records = list(records)
    newest = {(r.topic, r.key): (r.partition, r.offset) for r in records if BY_NAME[r.topic].cleanup == "compact"}
    for record in records:
        at = record.partition, record.offset
        if record.value and newest.get((record.topic, record.key)) != at and _is_before(record, until):
            yield record


def _logs(cluster: Cluster, records: Iterable[Inbound]) -> Iterator[Copy]:
    """Yield what is left in logs, and when each log has removed it, with the segment that it is in."""
    found: Counter[str] = Counter()
    newest: dict[str, float] = {}
    for record in records:
        found[record.topic] += 1
        newest[record.topic] = max(newest.get(record.topic, 0.0), record.timestamp)
    admin = KafkaAdmin(cluster)
    for topic, left in sorted(found.items()):
        config = admin.settings(topic)
        name = "max.compaction.lag.ms" if BY_NAME[topic].cleanup == "compact" else "retention.ms"
        kept_ms, segment_ms = float(config.get(name) or -1), float(config.get("segment.ms") or SEGMENT_MS)
        ends = 0 <= kept_ms < LARGEST_TIME * 1_000
        gone_at = newest[topic] + (kept_ms + segment_ms) / 1_000 if ends else None
        yield Copy(where=f"log {topic}", left=left, gone_at=gone_at)


def _of(cluster: Cluster, topics: tuple[str, ...], user: UserId) -> Iterator[Inbound]:
    for record in records_in_partitions_of(cluster, topics, [user]):
        key = (record.key or b"").decode(errors="replace")
        if key == user or (record.topic == MEMORIES and (named_by(key) or ("", ""))[0] == user):
            yield record


def _naming(cluster: Cluster, user: UserId) -> Iterator[Inbound]:
    """Yield records of `LOGS_BY_OTHERS` that are about a user."""
    reader = KafkaTableReader(cluster, LOGS_BY_OTHERS)
    try:
        for part in reader.catch_up_in_parts():
            yield from (record for record in part if _names(record, user))
    finally:
        reader.close()


def _names(record: Inbound, user: UserId) -> bool:
    try:
        value: ItemDelta | DeadLetter = decode(record.topic, record.value, now=record.timestamp)
    except DecodeError:
        return False
    if isinstance(value, ItemDelta):
        return value.user_id == user
    key = (value.key or b"").decode(errors="replace")
    return user in (key, (named_by(key) or ("",))[0]) or f'"{user}"'.encode() in (value.value or b"")


def _is_before(record: Inbound, until: float) -> bool:
    """Return whether a record was produced up to a time, or its value is about an event up to then."""
    if record.timestamp <= until:
        return True
    try:
        value = decode(record.topic, record.value, now=record.timestamp)
    except DecodeError:
        return False
    return float(getattr(value, "event_time", LARGEST_TIME)) <= until
