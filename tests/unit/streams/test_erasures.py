"""Erasing a user: what the owner leaves, what it refuses from then on, and what every other copy removes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.memory_state import MemoryStateStore
from features.offline.log import OfflineLog
from features.ports import FeatureRow
from features.views import USER_VIEW
from inference.learning.model_variant import VariantConfig
from inference.learning.online_trainer import FIRST, OnlineTrainer, OnlineTrainerConfig
from schemas.codec import decode
from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.ids import EventId, UserId
from schemas.quarantines import Quarantine
from schemas.ranking_log import ErasureEntry, Ranked
from schemas.recommendations import RankRequest
from schemas.record import Record
from schemas.topics import ERASURES, INTERACTIONS, MEMORIES, QUARANTINES, RANK_REQUESTS, RANKING_LOG, RECOMMENDATIONS
from streams.log.partitions import partition_of
from streams.log.records import Inbound, Message
from streams.outcomes.projection import Projection
from streams.projector.erasing import erase, rows_left
from streams.routes import PROJECTOR, WORKER_INPUTS
from streams.state.partition_store import PEOPLE
from streams.state.rebuild import differences, rebuild_people
from streams.state.user_record import UserRecord, unpack
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, make_deps, memory, small_catalogue
from tests.unit.streams.trainer_fixtures import COLUMNS, outcome, ranked

ANN = UserId("ann")


def erasure(user: str, at: float) -> Erasure:
    return Erasure(event_id=EventId(f"erase-{user}-{at}"), user_id=UserId(user), event_time=START + at)


def played(steps: Sequence[Record], batch: int = 1) -> tuple[InMemoryRunner, MemoryStateStore]:
    """Send all steps, then run: with a large batch they are handled together."""
    store, ticks = MemoryStateStore(), count()
    runner = InMemoryRunner(make_deps(clock=lambda: START + 1e6 + next(ticks)), store, batch=batch)
    small_catalogue(runner)
    topics = {Erasure: ERASURES, Quarantine: QUARANTINES, RankRequest: RANK_REQUESTS}
    for step in steps:
        runner.send(topics.get(type(step), INTERACTIONS), step.user_id, step)  # type: ignore[attr-defined]
        if batch == 1:
            runner.run()
    runner.run()
    return runner, store


def record_of(store: MemoryStateStore, user: UserId = ANN) -> UserRecord:
    return unpack(store.load(PEOPLE, partition_of(user, 4), [user])[user])


LIKED = [click("ann", f"war-{n}", at=n) for n in range(5)]


def test_nothing_is_left_of_an_erased_user_but_when_and_the_version() -> None:
    runner, store = played([*LIKED, click("bob", "war-1", at=9), erasure("ann", 10)])
    left = record_of(store)
    assert left.version == len(LIKED) + 1
    assert left == UserRecord(user=left.user, version=left.version, erased_at=START + 10)
    assert left.user == type(left.user)(user_id=ANN)
    assert record_of(store, UserId("bob")).user.choices == 1
    newest = [record for record in runner.log.records(RECOMMENDATIONS) if record.key == b"ann"][-1]
    assert newest.value is None
    [entry] = [e for e in map(_entry, runner.log.records(RANKING_LOG)) if isinstance(e, ErasureEntry)]
    assert (entry.user_id, entry.event_time) == (ANN, START + 10)


def _entry(record: Inbound) -> Record:
    return decode(RANKING_LOG, record.value, now=START + 1e6)  # type: ignore[no-any-return]


def test_late_events_of_an_erased_user_are_refused_and_later_ones_begin_a_new_history() -> None:
    runner, store = played([*LIKED, erasure("ann", 10), click("ann", "war-7", at=8), click("ann", "comedy-1", at=11)])
    left = record_of(store)
    assert left.user.choices == 1
    assert list(left.user.user_item_statistics) == ["comedy-1"]
    lists = [record for record in runner.log.records(RECOMMENDATIONS) if record.key == b"ann"]
    assert lists[-1].value is not None
    assert decode(RECOMMENDATIONS, lists[-1].value, now=START + 1e6).version == left.version


def test_the_owner_withdraws_every_memory_that_is_believed() -> None:
    runner, _ = played([*LIKED, erasure("ann", 10)])
    newest = {record.key: record.value for record in runner.log.records(MEMORIES)}
    assert newest
    assert set(newest.values()) == {None}


@pytest.mark.parametrize("at", [10, 3])
def test_a_second_copy_of_an_erasure_leaves_the_new_history(at: float) -> None:
    _, store = played([*LIKED, erasure("ann", 10), click("ann", "comedy-1", at=11), erasure("ann", at)])
    assert record_of(store).user.choices == 1


def test_what_was_known_of_a_time_ahead_is_erased_and_refused_too() -> None:
    ahead = click("ann", "war-1", at=200)
    _, store = played([ahead, erasure("ann", 10), ahead, click("ann", "war-2", at=100)])
    assert (record_of(store).user.choices, record_of(store).erased_at) == (0, START + 200)


def test_an_erased_user_gets_no_list_of_their_own_until_something_is_known_again() -> None:
    request = RankRequest(event_id=EventId("r"), user_id=ANN, event_time=START + 12)
    runner, _ = played([*LIKED, erasure("ann", 10), request])
    assert [record.value for record in runner.log.records(RECOMMENDATIONS) if record.key == b"ann"][-1] is None
    assert not isinstance(_entry(runner.log.records(RANKING_LOG)[-1]), Ranked)


def test_a_quarantine_outlasts_an_erasure() -> None:
    decided = Quarantine(event_id=EventId("q"), user_id=ANN, event_time=START)
    _, store = played([*LIKED, decided, erasure("ann", 10), click("ann", "war-1", at=11)])
    assert record_of(store).user.quarantined


def test_what_an_erased_batch_made_due_is_not_published() -> None:
    runner, _ = played([*LIKED, erasure("ann", 10)], batch=100)
    lists = [record for record in runner.log.records(RECOMMENDATIONS) if record.key == b"ann"]
    assert [record.value for record in lists] == [None]


steps = st.lists(st.tuples(st.sampled_from(["click", "erase"]), st.integers(0, 20)), max_size=12)


@settings(max_examples=60)
@given(steps, st.integers(1, 6))
def test_no_event_from_before_an_erasure_is_in_a_state_whatever_the_order_and_the_batches(
    drawn: list[tuple[str, int]], batch: int
) -> None:
    made = [erasure("ann", at) if kind == "erase" else click("ann", f"war-{at % 8}", at=at) for kind, at in drawn]
    erased_at = max((at for kind, at in drawn if kind == "erase"), default=-1)
    runner, store = played(made, batch)
    if not made:
        return
    left = record_of(store)
    assert all(entry.at > left.erased_at for entry in left.user.recent)
    assert left.erased_at >= (START + erased_at if erased_at >= 0 else 0.0)
    rebuilt = rebuild_people([r for topic in WORKER_INPUTS for r in runner.log.records(topic)], runner.deps)
    if batch == 1:  # else a batch takes the topics one after the other
        assert differences(store, rebuilt, PEOPLE, 4) == []


class Copies:
    """A feature store and a publisher that note what is asked of them."""

    def __init__(self) -> None:
        self.erased: list[UserId] = []
        self.published: list[Message] = []

    def erase(self, users: Sequence[UserId]) -> None:
        self.erased += users

    def publish(self, messages: Sequence[Message]) -> None:
        self.published += messages


def test_the_projector_erases_features_and_memories_that_had_ended() -> None:
    copies = Copies()
    held = {"ann/m1": memory("ann", "war"), "ann/m2": memory("ann", "drama", recorded_to=START)}
    erase([ANN], copies, copies, lambda users: held)  # type: ignore[arg-type]
    assert copies.erased == [ANN]
    assert copies.published == [Message(MEMORIES, "ann/m2", None, ANN)], "its owner withdraws what is believed"


def test_rows_from_before_an_erasure_are_not_written_and_those_after_it_are() -> None:
    record = Inbound(topic=RANKING_LOG, partition=0, offset=0, key=None, value=None, timestamp=START)
    row = [FeatureRow(USER_VIEW, {"user_id": user}, START, {}) for user in ("ann", "bob", "ann")]
    gone = Projection(erased=ErasureEntry(entry_id="x", user_id=ANN, event_time=START))
    projections = [Projection(rows=(row[0], row[1])), gone, Projection(rows=(row[2],))]
    assert [left for _, left in rows_left([(record, each) for each in projections])] == [row[1], row[2]]


def test_an_empty_memory_is_withdrawn_by_its_key_and_a_key_of_no_memory_is_refused() -> None:
    def projected(key: bytes) -> Projection:
        record = Inbound(topic=MEMORIES, partition=0, offset=0, key=key, value=b"", timestamp=START)
        return PROJECTOR[MEMORIES](record, now=START)

    withdrawn = projected(b"ann/with/slash/m1").withdrawn_memory
    assert withdrawn is not None
    assert (withdrawn.user, withdrawn.memory) == ("ann/with/slash", "m1")
    for key in (b"", b"ann", b"/m1", b"\xff/m"):
        with pytest.raises(DecodeError):
            projected(key)


def test_the_trainer_learns_nothing_from_the_lists_of_an_erased_user() -> None:
    def after(*entries: Record) -> bytes:
        trainer = OnlineTrainer(OnlineTrainerConfig(columns=COLUMNS, configs={FIRST: VariantConfig()}))
        for entry in entries:
            trainer.learn(entry)  # type: ignore[arg-type]
        return b"".join(part.tobytes() for part in trainer.export(1).arrays.values())

    shown, settled = ranked(1), outcome(1, 2)
    gone = ErasureEntry(entry_id="gone", user_id=shown.user_id, event_time=START)
    assert after(shown, settled) != after()
    assert after(shown, gone, settled) == after()


def test_the_off_line_log_loses_the_rows_of_a_user_merged_or_not_and_no_other(tmp_path: Path) -> None:
    log = OfflineLog(tmp_path, ["user_features", "item_features"], retention_days=30)

    def rows(*users: str) -> pa.Table:
        times = pa.array([1_000_000 * n for n in range(len(users))], pa.timestamp("us", "UTC"))
        return pa.table({"user_id": list(users), "event_timestamp": times, "choices": [1.0] * len(users)})

    day = 86_400.0
    log.append("user_features", rows("ann", "bob"), day)
    log.append("user_features", rows("bob", "ann", "ann"), day)
    log.append("user_features", rows("bob"), 3 * day)
    log.append("item_features", pa.table({"item_id": ["ann"], "event_timestamp": [0]}), day)
    for _ in range(20):
        log.compact(3 * day)
    assert log.rows_of("ann", until=START) > 0
    bobs = log.rows_of("bob", until=START)
    log.erase(["ann"])
    assert (log.rows_of("ann", until=START), log.rows_of("bob", until=START)) == (0, bobs)
    for step in range(40):
        log.compact(4 * day + 1_000 * step)
    assert log.rows_of("ann", until=START) == 0
    assert log.rows_of("bob", until=START) >= 1
