"""Laws that every candidate source obeys."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.item_factors import FACTOR_WIDTH
from features.views import External
from inference import signals
from inference.items.table import Signal
from inference.ranking.features import FeatureTable
from inference.ranking.pool import gather
from inference.ranking_context import RankingContext, make_ranking_context
from inference.signals.columns import FeatureGroup, RankingBatch
from inference.signals.factors import Factors, affinity
from inference.signals.registry import (
    FEATURE_GROUPS,
    GROUPS_OF_CONTENT_MAP,
    GROUPS_OF_KNOWLEDGE,
    SIGNALS,
    SOURCES,
    SOURCES_OF_CONTENT_MAP,
    SOURCES_OF_INTENTS,
    SOURCES_OF_KNOWLEDGE,
)
from inference.signals.source import CandidateSource
from tests.builders import memory
from tests.unit.inference.ranking_fixtures import busy_world, query_of

WORLD = busy_world()
WORLD.table.signal(Factors).load(
    WORLD.table,
    WORLD.table.ids,
    np.random.default_rng(0).standard_normal((len(WORLD.table), FACTOR_WIDTH)).astype(np.float32) / 8.0,
)


def context(user: str, *, repeats: bool = True, **changes: Any) -> RankingContext:
    return make_ranking_context(query_of(WORLD, user, **changes), WORLD.table, repeats=repeats)


def test_every_signal_source_and_group_of_the_signal_files_is_registered() -> None:
    sources = [*SOURCES, *SOURCES_OF_INTENTS, *SOURCES_OF_KNOWLEDGE, *SOURCES_OF_CONTENT_MAP]
    registered = [*SIGNALS, *sources, *FEATURE_GROUPS, *GROUPS_OF_KNOWLEDGE, *GROUPS_OF_CONTENT_MAP]
    for path in Path(signals.__file__).parent.glob("*.py"):
        for name, value in vars(import_module(f"inference.signals.{path.stem}")).items():
            is_signal = isinstance(value, type) and issubclass(value, Signal) and value is not Signal
            values = value if isinstance(value, tuple) else (value,)
            if is_signal or isinstance(values[0], CandidateSource | FeatureGroup):
                assert all(each in registered for each in values), f"{path.name}: {name}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("user", ["u1", "nobody"])
def test_a_source_proposes_at_most_the_size_each_item_once_and_none_blocked(source: CandidateSource, user: str) -> None:
    asking = context(user)
    asking.blocked[::2] = True
    proposed = source.propose(asking, WORLD.table, 5)
    assert len(proposed) <= 5
    assert len(set(proposed.tolist())) == len(proposed)
    assert not asking.blocked[proposed].any()


# Intents and memories divide their size between categories, so a smaller size is divided differently.
ONE_ORDER = [source for source in SOURCES if source.name not in ("intents", "memories")]


@pytest.mark.parametrize("source", ONE_ORDER, ids=lambda source: source.name)
def test_a_smaller_size_gives_the_best_of_a_larger_one(source: CandidateSource) -> None:
    more, fewer = (source.propose(context("u1"), WORLD.table, size).tolist() for size in (8, 3))
    assert more[:3] == fewer


def test_sources_have_names_of_their_own() -> None:
    assert len({source.name for source in SOURCES}) == len(SOURCES)


def test_the_pool_is_no_wider_than_its_width_and_has_the_votes_of_the_sources() -> None:
    pool = gather([context("u1"), context("nobody")], WORLD.table, SOURCES, 10)
    assert pool.items.shape[1] <= 10
    assert (pool.votes[:, pool.mask].max(axis=0) > 0.0).all()
    assert not pool.votes[:, ~pool.mask].any()


def test_features_are_finite_named_once_and_within_a_few_units() -> None:
    table = FeatureTable((External("credit", "limit", 3.0),))
    contexts = [context(user) for user in ("u1", "u2", "nobody")]
    filled = table.fill(contexts, WORLD.table, gather(contexts, WORLD.table, SOURCES, 20))
    assert filled.shape[-1] == len(table.columns) == len(set(table.columns))
    assert np.isfinite(filled).all()
    assert np.abs(filled).max() < 8.0


def test_a_feature_of_another_team_reaches_every_candidate() -> None:
    table = FeatureTable((External("credit", "limit"),))
    contexts = [context("u1", external={"limit": 4.0}), context("u2")]
    pool = gather(contexts, WORLD.table, SOURCES, 20)
    column = table.fill(contexts, WORLD.table, pool)[..., -1]
    assert np.allclose(column[0][pool.mask[0]], np.log1p(4.0) / 2.0)
    assert not column[1].any()


def test_another_feature_gives_another_schema_id() -> None:
    assert FeatureTable().id != FeatureTable((External("credit", "limit"),)).id


@pytest.mark.parametrize("block", FEATURE_GROUPS, ids=lambda block: block.group)
def test_each_group_fills_the_columns_that_it_names(block: FeatureGroup) -> None:
    contexts = [context("u1"), context("nobody")]
    pool = gather(contexts, WORLD.table, SOURCES, 20)
    batch = RankingBatch(
        table=WORLD.table,
        contexts=contexts,
        pool=pool,
        items=pool.items,
        mask=pool.mask,
        now=np.array([[own.query.now] for own in contexts]),
        categories=WORLD.table.by_category.at(pool.items),
    )
    assert block.fill(batch).shape == (len(block.names), *pool.items.shape)


def test_each_user_of_a_batch_has_their_own_values_under_the_names_of_the_columns() -> None:
    consumed = WORLD.state("u1").user_item_statistics
    disliked = WORLD.table.ids[0]
    minded = memory("u2", disliked, "dislikes", "item", strength=0.7, recorded_from=WORLD.now)
    contexts = [context("nobody"), context("u1"), context("u2", memories=(minded,))]
    table = FeatureTable()
    pool = gather(contexts, WORLD.table, SOURCES, 1_000)
    filled = table.fill(contexts, WORLD.table, pool)
    seen_columns = set()
    for row, own in enumerate(contexts):
        for candidate, number in enumerate(pool.items[row, : pool.mask[row].sum()].tolist()):
            values = dict(zip(table.columns, filled[row, candidate].tolist(), strict=True))
            item = WORLD.table.ids[number]
            count = consumed[item].count if row == 1 and item in consumed else None
            if row < 2:
                assert values["consumed"] == float(count is not None)
                assert values["consumed_count"] == pytest.approx(np.log1p(count) / 2.0 if count else 0.0)
            assert values["memory_item"] == pytest.approx(np.tanh(-0.7) if row == 2 and item == disliked else 0.0)
            assert values["affinity"] == pytest.approx(float(np.clip(affinity(own, WORLD.table)[number], -8.0, 8.0)))
            seen_columns |= {name for name in ("consumed", "memory_item", "affinity") if values[name]}
    assert seen_columns == {"consumed", "memory_item", "affinity"}
