"""What every ranker promises: in the process, served by Triton, and the pair of both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from deploy.embedded.stack import Stack
from deploy.settings import TritonSettings
from inference.fallback_ranker import RANKED_LOCALLY, FallbackRanker
from inference.learning.weights_file import Weights, initial_weights, write_weights
from inference.local_ranker import LocalRanker
from inference.ports import Ranker, Split
from inference.ranking.features import FeatureTable
from inference.triton_ranker import TritonRanker
from schemas.errors import RankerUnavailable

COLUMNS = FeatureTable().columns
PATIENCE = 10.0
NOWHERE = "127.0.0.1:9"

Publish = Callable[[Weights], None]


def drawn(version: int) -> Weights:
    rng = np.random.default_rng(version)
    start = initial_weights(COLUMNS)
    arrays = {name: (0.3 * rng.standard_normal(part.shape)).astype(np.float32) for name, part in start.arrays.items()}
    return replace(start, version=version, arrays=arrays)


def with_lineages(version: int) -> Weights:
    return replace(drawn(version), others={"bold": drawn(100 + version).arrays, "calm": drawn(200 + version).arrays})


def split(prequential_queries: tuple[int, ...] = ()) -> Split:
    """Three users: one served by the champion, two in arms, one of which has no weights."""
    return Split(
        variants=("", "bold", "calm", "gone"),
        own=np.array([0, 1, 3], np.int32),
        prequential_queries=np.array(prequential_queries, np.int32),
    )


def batch(users: int = 3, candidates: int = 20) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    mask = rng.random((users, candidates)) < 0.8
    mask[:, 0] = True
    return rng.standard_normal((users, candidates, len(COLUMNS))).astype(np.float32), mask


@pytest.fixture
def served(triton_server: TritonSettings, embedded: Stack) -> Iterator[tuple[TritonRanker, Publish]]:
    """Triton's ranker, and how to publish weights to it."""
    ranker = TritonRanker(triton_server.grpc, table=FeatureTable().id, timeout=PATIENCE)
    yield ranker, lambda weights: write_weights(embedded.layout.models / "ranker" / "weights.npz", weights)
    ranker.close()


@pytest.fixture(params=["local", pytest.param("triton", marks=pytest.mark.servers)])
def ranker(request: pytest.FixtureRequest) -> Ranker:
    """A ranker with weights of version 5."""
    if request.param == "local":
        return LocalRanker(with_lineages(5))
    found, publish = request.getfixturevalue("served")
    publish(with_lineages(5))
    return found  # type: ignore[no-any-return]


def test_it_scores_each_candidate_and_names_its_version(ranker: Ranker) -> None:
    features, mask = batch()
    scores = ranker.score(features, mask)
    assert scores.values.shape == mask.shape
    assert scores.values.dtype == np.float32
    assert (scores.model_version, scores.degradation) == (5, None)


def test_the_score_without_a_candidate_is_minus_infinity(ranker: Ranker) -> None:
    features, mask = batch()
    values = ranker.score(features, mask).values
    assert np.isneginf(values[~mask]).all()
    assert np.isfinite(values[mask]).all()


def test_the_same_input_gives_the_same_scores(ranker: Ranker) -> None:
    features, mask = batch()
    assert np.array_equal(ranker.score(features, mask).values, ranker.score(features, mask).values)


@pytest.mark.parametrize(("users", "candidates"), [(1, 1), (1, 150), (200, 150)])
def test_any_size_of_batch_is_scored_as_its_rows_alone(ranker: Ranker, users: int, candidates: int) -> None:
    features, mask = batch(users, candidates)
    values = ranker.score(features, mask).values
    assert np.allclose(values[:1], ranker.score(features[:1], mask[:1]).values, atol=1e-5)


def test_all_rankers_score_within_a_hundred_thousandth(ranker: Ranker) -> None:
    features, mask = batch()
    local_ranker = LocalRanker(drawn(5)).score(features, mask).values
    assert np.abs(ranker.score(features, mask).values[mask] - local_ranker[mask]).max() < 1e-5


@pytest.mark.parametrize("prequential_queries", [(), (1,), (0, 2)])
def test_each_row_is_scored_by_its_own_variant_and_prequential_queries_by_all(
    ranker: Ranker, prequential_queries: tuple[int, ...]
) -> None:
    features, mask = batch()
    scores = ranker.score(features, mask, split(prequential_queries))
    own = [LocalRanker(drawn(version)).score(features, mask).values for version in (5, 105, 205, 5)]
    for row, variant in enumerate((0, 1, 3)):
        assert np.allclose(scores.values[row], own[variant][row], atol=1e-5)
    assert (scores.absent, scores.model_version) == (("gone",), 5)
    if prequential_queries:
        assert scores.prequential_queries is not None
        assert scores.prequential_queries.shape == (4, len(prequential_queries), mask.shape[1])
        assert all(
            np.allclose(scores.prequential_queries[k], own[k][list(prequential_queries)], atol=1e-5) for k in range(4)
        )
    else:
        assert scores.prequential_queries is None


def test_prequential_queries_never_change_a_list(ranker: Ranker) -> None:
    features, mask = batch()
    plain = ranker.score(features, mask).values
    shadows = Split(
        variants=("", "bold", "calm"), own=np.zeros(3, np.int32), prequential_queries=np.arange(3, dtype=np.int32)
    )
    assert np.array_equal(ranker.score(features, mask, shadows).values, plain)
    alone, evaluated = (
        ranker.score(features, mask, split(prequential_queries)).values for prequential_queries in ((), (0, 1, 2))
    )
    assert np.array_equal(alone, evaluated)


def test_weights_of_another_feature_schema_are_refused_by_the_local_ranker() -> None:
    local_ranker = LocalRanker(drawn(5))
    assert not local_ranker.load_weights(initial_weights(("other",)))
    assert local_ranker.load_weights(drawn(6))
    assert local_ranker.version == 6


def test_a_server_that_is_not_there_is_unavailable() -> None:
    ranker = TritonRanker(NOWHERE, table=FeatureTable().id, timeout=0.2)
    with pytest.raises(RankerUnavailable, match="Triton did not score"):
        ranker.score(*batch())
    ranker.close()


def test_with_a_fallback_lists_go_on_and_name_the_degradation() -> None:
    away = TritonRanker(NOWHERE, table=FeatureTable().id, timeout=0.2)
    scores = FallbackRanker(away, LocalRanker(drawn(5)), clock=lambda: 0.0).score(*batch())
    assert (scores.degradation, scores.model_version) == (RANKED_LOCALLY, 5)
    away.close()


@pytest.mark.servers
def test_a_served_model_of_another_feature_schema_counts_as_unavailable(served: tuple[TritonRanker, Publish]) -> None:
    ranker, publish = served
    publish(replace(drawn(5), table="another"))
    with pytest.raises(RankerUnavailable, match="feature schema 'another'"):
        ranker.score(*batch())


@pytest.mark.servers
def test_new_weights_are_loaded_without_a_failed_request(
    served: tuple[TritonRanker, Publish], triton_server: TritonSettings
) -> None:
    ranker, publish = served
    publish(drawn(1))
    seen: list[int] = []
    done = threading.Event()

    def ask() -> None:
        own = TritonRanker(triton_server.grpc, table=FeatureTable().id, timeout=PATIENCE)
        while not done.is_set():
            seen.append(own.score(*batch()).model_version)
        own.close()

    asking = threading.Thread(target=ask)
    asking.start()
    for version in range(2, 12):
        publish(drawn(version))
        assert ranker.score(*batch()).model_version == version
    done.set()
    asking.join()
    assert seen
    assert seen == sorted(seen)
