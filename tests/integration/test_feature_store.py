"""Feast on real Redis: online features, their history, and features of other teams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

from deploy.clients import feast_redis, make_feast
from features.external import CachedExternal
from features.feast_store import FeastStore
from features.ports import FeatureRow
from features.views import CONTEXT_VIEW, USER_FEATURES, USER_VIEW, External
from schemas.codec import decode
from schemas.ranking_log import Ranked
from schemas.topics import RANKING_LOG
from tests.builders import START, click
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
REFERENCES = [f"{feature.view}:{feature.name}" for feature in USER_FEATURES]


@pytest.fixture
def feast(redis_server: Any, tmp_path: Any) -> FeastStore:
    project = f"test_{tmp_path.name}"
    store = FeastStore(tmp_path, redis=feast_redis(redis_server.url.get_secret_value()), project=project)
    store.apply()
    return store


def row(user: str, at: float, **values: float) -> FeatureRow:
    names = {feature.name: 0.0 for feature in USER_FEATURES if feature.view == USER_VIEW}
    return FeatureRow(USER_VIEW, {"user_id": user}, at, names | values)


def test_the_newest_row_is_served_and_a_late_one_does_not_overwrite_it(feast: FeastStore) -> None:
    feast.write([row("ann", START, choices=1.0), row("ann", START + 1, choices=2.0)], now=START)
    feast.write([row("ann", START - 50, choices=9.0)], now=START)
    assert feast.online(USER_VIEW, [{"user_id": "ann"}])[0]["choices"] == 2.0


def test_history_is_joined_as_of_each_time(feast: FeastStore) -> None:
    feast.write([row("ann", START + n, choices=float(n)) for n in range(5)], now=START)
    joined = feast.historical([f"{USER_VIEW}:choices"], [({"user_id": "ann"}, START + at) for at in (0.5, 3.0, 9.0)])
    assert joined["choices"].tolist() == [0.0, 3.0, 4.0]


def test_the_same_log_written_twice_joins_the_same(feast: FeastStore) -> None:
    rows = [row("ann", START + n, choices=float(n)) for n in range(3)]
    feast.write(rows, now=START)
    feast.write(rows, now=START)
    feast.write(rows, now=START)
    joined = feast.historical([f"{USER_VIEW}:choices"], [({"user_id": "ann"}, START + 2)])
    assert joined["choices"].tolist() == [2.0]


def warehouse(folder: Any) -> list[Any]:
    """Return a feature view of another team."""
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    source = FileSource(name="warehouse", path=str(folder / "segment.parquet"), timestamp_field="event_timestamp")
    return [
        user,
        FeatureView(
            name="warehouse_segment",
            entities=[user],
            schema=[Field(name="affinity", dtype=Float64)],
            source=source,
            ttl=timedelta(days=3650),
        ),
    ]


def put_segment(store: FeastStore, folder: Any, user: str, affinity: float) -> None:
    frame = pd.DataFrame(
        {"user_id": [user], "affinity": [affinity], "event_timestamp": [datetime.fromtimestamp(START, tz=UTC)]}
    )
    frame.to_parquet(folder / "segment.parquet")
    store._feast.apply(warehouse(folder))
    store._feast.write_to_online_store("warehouse_segment", frame)


def test_another_teams_features_are_read_in_bulk_with_defaults_for_users_without(
    feast: FeastStore, tmp_path: Any
) -> None:
    put_segment(feast, tmp_path, "ann", 0.75)
    rows = (External(view="warehouse_segment", name="affinity", default=-1.0),)
    reader = CachedExternal(feast, rows, ttl_seconds=60.0, clock=lambda: 0.0)
    assert reader.read(["ann", "bob"]) == {"ann": {"affinity": 0.75}, "bob": {"affinity": -1.0}}


def test_what_was_ranked_is_what_history_says(make_system: Callable[..., System], tmp_path: Any) -> None:
    """No training/serving skew: every list's features equal the point-in-time join, to the last bit."""
    system = make_system(features={"external": '["warehouse_segment:affinity"]'}, triton={"grpc": "127.0.0.1:1"})
    system.catalogue()
    store = make_feast(system.settings)
    put_segment(store, tmp_path, "u1", 0.75)
    system.start()
    system.start("projector")
    events = [click(f"u{n % 3}", f"{kind}-{n % 8}", at=n * 40.0) for n in range(30) for kind in ("war", "drama")]
    for at in range(0, len(events), 7):
        system.send(events[at : at + 7])
        system.wait_applied()
    entries = [decode(RANKING_LOG, record.value, now=START * 2) for record in system.records(RANKING_LOG)]
    ranked = [entry for entry in entries if isinstance(entry, Ranked)]
    newest = {entry.user_id: entry for entry in sorted(ranked, key=lambda entry: entry.feature_time)}

    def projected() -> bool:
        rows = store.online(CONTEXT_VIEW, [{"user_id": user} for user in newest])
        return [r["session_events"] for r in rows] == [e.user_features["session_events"] for e in newest.values()]

    wait_until(projected, seconds=40, what="the rows on-line")
    requests = [({"user_id": str(entry.user_id)}, entry.feature_time) for entry in ranked]
    history = store.historical(REFERENCES, requests)
    for index, entry in enumerate(ranked):
        assert {f.name: history[f.name][index] for f in USER_FEATURES} == entry.user_features
    assert {entry.external["affinity"] for entry in ranked if entry.user_id == "u1"} == {0.75}
    joined = store.historical(
        ["warehouse_segment:affinity"], [request for request in requests if request[0]["user_id"] == "u1"]
    )
    assert set(joined["affinity"]) == {0.75}
