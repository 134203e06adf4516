"""A worker loads the arms' weights with the champion's, as they are announced."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from deploy.settings import Settings, load_settings
from deploy.wiring import current_weights, make_deps, weights_path
from features.views import feature_schema_id
from inference.learning.weights_file import Weights, write_weights
from inference.query import Query
from inference.recommender import AS_CHAMPION
from schemas.codec import encode
from schemas.ids import UserId
from schemas.model_updates import ModelUpdate
from schemas.topics import ITEMS, MODEL_UPDATES
from streams.handlers.deps import Deps
from streams.log.records import Inbound
from streams.state.user_record import new_user
from streams.worker.tables import apply_tables
from tests.builders import START, item


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lifelong.toml").write_text(
        '[experiment]\nname = "spring"\n[experiment.arms.contrary]\nshare = 1.0\nvariant = "slower"\n'
    )
    return load_settings()


def handle(deps: Deps, topic: str, key: str, value: bytes) -> None:
    record = Inbound(topic=topic, partition=0, offset=0, key=key.encode(), value=value, timestamp=START)
    apply_tables([record], deps)


def announced(deps: Deps, uri: Path, weights: Weights) -> None:
    update = ModelUpdate(
        model="ranker", version=weights.version, uri=str(uri), table=weights.table, score=0.0, metric="mrr", examples=1,
        decision="continued", reason="test",
    )  # fmt: skip
    handle(deps, MODEL_UPDATES, "ranker", encode(update))


def first(deps: Deps) -> tuple[float, int, tuple[str, ...]]:
    """Return the first score of a new user's list, its model version, and its degradations."""
    [ranking] = deps.recommender.rank([Query(user=new_user(UserId("ann")).user, now=START)])
    return ranking.slate[0].score, ranking.model_version, ranking.degradations


def test_arms_are_served_from_the_start_and_follow_announced_weights(settings: Settings) -> None:
    deps = make_deps(settings)
    for name in ("i0", "i1", "i2"):
        handle(deps, ITEMS, name, encode(item(name)))
    start = current_weights(settings)
    assert start.table == feature_schema_id(deps.recommender.features.columns)
    usual, _, degradations = first(deps)
    assert degradations == ()

    turned = replace(start, version=1, others={"slower": {name: part - 1.0 for name, part in start.arrays.items()}})
    versions = weights_path(settings).parent / "versions"
    write_weights(versions / "1.npz", turned)
    announced(deps, versions / "1.npz", turned)
    other, *rest = first(deps)
    assert other != usual
    assert rest == [1, ()]

    write_weights(versions / "2.npz", replace(turned, version=2, others={}))
    announced(deps, versions / "2.npz", turned)
    assert first(deps) == (usual, 2, (AS_CHAMPION,))


def test_weights_that_already_serve_are_not_changed(settings: Settings) -> None:
    serving = replace(current_weights(settings), version=7, others={})
    write_weights(weights_path(settings), serving)
    assert current_weights(settings).others == {}
