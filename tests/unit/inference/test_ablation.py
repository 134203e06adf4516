"""A part that is left out keeps its size and has no effect; all others are unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from inference.evaluation.ablation import UnknownPart, chosen_parts, features_without, known_parts, parts
from inference.query import Query
from inference.ranking.features import FeatureTable
from inference.ranking.pool import gather
from inference.ranking_context import RankingContext, make_ranking_context
from inference.signals.registry import SOURCES
from tests.unit.inference.ranking_fixtures import FEATURES, World, busy_world


def somebody() -> tuple[World, list[RankingContext]]:
    world = busy_world()
    return world, [make_ranking_context(Query(user=world.state("u1"), now=world.now), world.table, repeats=True)]


def test_columns_that_are_left_out_are_zero_and_all_others_are_unchanged() -> None:
    world, contexts = somebody()
    pool = gather(contexts, world.table, SOURCES, 150)
    lacking = features_without((), ("features:near", "source:words"))
    full, filled = FEATURES.fill(contexts, world.table, pool), lacking.fill(contexts, world.table, pool)
    assert lacking.columns == FEATURES.columns
    near = np.array([name.startswith(("covisit", "transition")) for name in FEATURES.columns])
    assert full[..., near].any()
    assert not filled[..., near].any()
    assert np.array_equal(filled[..., ~near], full[..., ~near])


def test_a_source_that_is_left_out_proposes_nothing_and_the_others_are_unchanged() -> None:
    world, contexts = somebody()
    lacking = features_without((), ("source:covisitation", "source:popular")).sources
    for source, silenced in zip(SOURCES, lacking, strict=True):
        proposed = silenced.propose(contexts[0], world.table, source.size)
        left_out = source.name == "covisitation" or source.name.startswith("popular-")
        expected = [] if left_out else source.propose(contexts[0], world.table, source.size).tolist()
        assert (silenced.name, proposed.tolist()) == (source.name, expected)


def test_the_columns_of_sources_are_those_of_the_sources_given() -> None:
    table = FeatureTable(sources=SOURCES[:2])
    votes = [name for name in table.columns if name.startswith("from_")]
    assert votes == [f"from_{source.name}" for source in SOURCES[:2]]
    assert table.id != FEATURES.id


def test_the_option_takes_all_or_names_and_refuses_others() -> None:
    assert chosen_parts("") == ()
    assert chosen_parts("all") == parts()
    assert set(parts()) < set(known_parts())
    assert len(known_parts()) == len(set(known_parts()))
    [single] = chosen_parts("popular-10-days")
    assert single == "source:popular-10-days"
    with pytest.raises(UnknownPart, match=r"'magic' is none of all, source:popular, source:covisitation.*features:"):
        chosen_parts("words,magic")
