"""The proof of an erasure: what every copy still holds of a user from before they were erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from deploy.clients import make_feast, make_memory_index
from deploy.settings import Settings
from schemas.bounds import LARGEST_TIME
from schemas.codec import decode
from schemas.dead_letters import DeadLetter
from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.ids import UserId
from schemas.statistics import ItemDelta
from schemas.topics import DEAD_LETTERS, ITEM_DELTAS, PERSON_TOPICS, PLANS, RANKING_LOG, RECOMMENDATIONS
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import Cluster, KafkaTableReader
from streams.log.kafka_users import memory_keys, records_in_partitions_of
from streams.log.records import Inbound
from streams.state.user_record import UserRecord, new_user

LOGS_BY_USER = tuple(sorted({*PERSON_TOPICS, PLANS, RANKING_LOG}))
LOGS_BY_OTHERS = (DEAD_LETTERS, ITEM_DELTAS)
"""Logs whose keys are no users; their values may name one."""


class Copy(Struct, frozen=True, kw_only=True):
    """A copy, how much `left` in it is about the user, and when that is gone (wall clock): none if nothing removes it.

    What is left in a log goes with the log's retention; nothing reads it any more but readers of the log itself.
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
        """Return whether nothing is left but what the retention of a log removes."""
        return self.erased_at > 0.0 and all(copy.left == 0 or copy.gone_at is not None for copy in self.copies)

    def follows(self, erasure: Erasure) -> bool:
        """Return whether it proves this erasure."""
        return self.erased_at >= erasure.event_time and self.is_complete


def prove(settings: Settings, cluster: Cluster, record: UserRecord) -> ErasureProof:
    """Look at every copy for what is left of a user from before their record's `erased_at`; all of one never erased.

    It reads the user's partitions of all topics, the topics of dead letters and deltas, and the off-line log.

    Raises:
        StoreUnavailable: a store does not answer.
        KafkaAway: Kafka does not answer.
        ArrowException: a file of the off-line log is damaged, so that nobody knows of whom it is.
    """
    user = record.user.user_id
    copies = (*_stores(settings, cluster, record), *_logs(cluster, user, _until(record)))
    return ErasureProof(user_id=user, erased_at=record.erased_at, copies=copies)


def _stores(settings: Settings, cluster: Cluster, record: UserRecord) -> Iterator[Copy]:
    """Yield the copies that an erasure empties; where times are not kept, all counts unless a new history began."""
    user, at = record.user.user_id, _until(record)
    counts_all = record.erased_at == 0.0 or record.user.version == 0
    lists = [r for r in _of(cluster, (RECOMMENDATIONS,), user)][-1:]
    on_line, off_line = make_feast(settings).rows_of(user, until=at)
    indexed = make_memory_index(settings).count(user)
    yield Copy(where="state", left=int(record.erased_at == 0.0 and record != new_user(user)))
    yield Copy(where="memories", left=len(memory_keys(cluster, {user: at})))
    yield Copy(where="recommendations", left=sum(1 for r in lists if r.value and r.timestamp <= at))
    yield Copy(where="Milvus", left=indexed if counts_all else max(0, indexed - len(record.agent.memories)))
    yield Copy(where="Feast on-line", left=on_line if counts_all else 0)
    yield Copy(where="Feast off-line", left=off_line)


def _until(record: UserRecord) -> float:
    """Return up to when something counts as left: of users who were not erased all does."""
    return record.erased_at or LARGEST_TIME


def _logs(cluster: Cluster, user: UserId, at: float) -> Iterator[Copy]:
    """Yield what is left in logs, and when each log's retention has removed it."""
    found: Counter[str] = Counter()
    newest: dict[str, float] = {}
    records = [*_of(cluster, LOGS_BY_USER, user), *_naming(cluster, user)]
    for record in records:
        if record.timestamp <= at:
            found[record.topic] += 1
            newest[record.topic] = max(newest.get(record.topic, 0.0), record.timestamp)
    admin = KafkaAdmin(cluster)
    for topic, left in sorted(found.items()):
        kept_ms = float(admin.settings(topic).get("retention.ms") or -1)
        yield Copy(where=f"log {topic}", left=left, gone_at=newest[topic] + kept_ms / 1_000 if kept_ms >= 0 else None)


def _of(cluster: Cluster, topics: tuple[str, ...], user: UserId) -> Iterator[Inbound]:
    records = records_in_partitions_of(cluster, topics, [user])
    return (record for record in records if record.key == user.encode())


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
    return value.key == user.encode() if isinstance(value, DeadLetter) else value.user_id == user
