"""Compiled kernels return the same bits as their numpy versions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.items.postings import Postings
from inference.kernels.best_scores import best_scores
from inference.kernels.compiler import compile_kernels, is_available
from inference.kernels.kernel import Kernel
from inference.kernels.merged_proposals import merged_proposals
from inference.kernels.neighbour_sums import NeighbourArrays, neighbour_sums, neighbours_around, strongest_causes
from inference.kernels.posting_addends import posting_addends
from inference.kernels.registry import KERNELS
from inference.kernels.taste_shares import taste_shares
from schemas.ids import PlanId, UserId
from schemas.plans import Constraints, Plan
from tests.builders import memory
from tests.unit.inference.ranking_fixtures import START, World, busy_world, query_of

pytestmark = pytest.mark.lengthy  # Kernels are compiled where they are not in pytest's cache yet.
ITEMS = 24
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def _compiled(request: pytest.FixtureRequest) -> Iterator[None]:
    if not is_available():
        pytest.skip("numba is not installed")
    assert request.config.cache is not None
    compile_kernels(request.config.cache.mkdir("kernels"))
    yield
    use_definitions()


def use_definitions() -> None:
    """Run the numpy versions from now on."""
    for kernel in KERNELS:
        kernel.use(None)


def same(kernel: Kernel[..., Any], *args: Any) -> None:
    """Check that the compiled kernel returns the bits, the types and the shapes of its definition."""
    assert kernel.is_compiled
    compiled, defined = kernel(*args), kernel.definition(*args)
    pairs = zip(compiled, defined, strict=True) if isinstance(defined, tuple) else [(compiled, defined)]
    for own, other in pairs:
        assert (own.dtype, own.shape) == (other.dtype, other.shape)
        assert own.tobytes() == other.tobytes()


def neighbours(rng: np.random.Generator, width: int) -> NeighbourArrays:
    """Return random neighbours of `ITEMS` items, with equal weights among them and free slots."""
    rows = int(rng.integers(1, ITEMS))
    row = rng.integers(0, rows, ITEMS).astype(np.int32)
    ids = np.array([rng.permutation(ITEMS)[:width] for _ in range(rows)], np.int32)
    weights = rng.choice(np.array([0.0, 0.0, 1.0, 2.0, 1 / 3, 1e-30, 1e30], np.float32), (rows, width))
    weights[0] = 0.0
    return row, ids, weights


def kinds(rng: np.random.Generator) -> tuple[NeighbourArrays, ...]:
    """Return one or two kinds of neighbours."""
    return tuple(neighbours(rng, width) for width in (7, 5)[: int(rng.integers(1, 3))])


def recent(rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.permutation(ITEMS)[: int(rng.integers(1, ITEMS))]


@given(SEEDS)
def test_sums_over_neighbours_have_the_same_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    around, items = kinds(rng), [recent(rng) for _ in range(int(rng.integers(1, 4)))]
    ends, decays = np.cumsum([len(own) for own in items]), rng.random(len(items)).astype(np.float32)
    by_rank = rng.random((int(rng.integers(1, 3)), int(rng.integers(1, ITEMS))))
    by_rank[-1, 3:] = 0.0
    factors = np.float32(1.0), by_rank, rng.random(ITEMS)
    positions = None if rng.random() < 0.5 else rng.permutation(ITEMS)
    same(neighbour_sums, around, np.concatenate(items), ends, decays, *factors, positions, ITEMS)
    same(neighbours_around, around, items[0], ITEMS)


@given(SEEDS)
def test_the_cause_of_an_item_is_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    around, items, numbers = kinds(rng), recent(rng), recent(rng)
    same(strongest_causes, around, items, numbers, rng.integers(0, len(items) + 1, len(numbers)))


@given(SEEDS, st.sampled_from((np.float32, np.float64)), st.booleans(), st.integers(1, ITEMS))
def test_the_best_scores_are_the_same(seed: int, kind: Callable[..., Any], is_sparse: bool, size: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice(np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, np.nan, np.inf]), int(rng.integers(0, ITEMS)))
    numbers = np.sort(rng.permutation(ITEMS)[: len(values)]) if is_sparse or kind is np.float32 else None
    same(best_scores, values.astype(kind), numbers, rng.random(ITEMS) < 0.3, size)


@given(SEEDS, st.integers(1, ITEMS))
def test_merged_proposals_and_their_votes_are_the_same(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 10, 4)
    proposals = np.concatenate([rng.permutation(ITEMS)[:count] for count in counts])
    first = rng.permutation(ITEMS)[: int(rng.integers(0, 3))]
    same(merged_proposals, first, proposals, counts, rng.random(10).astype(np.float32), width, ITEMS)


@given(SEEDS)
def test_what_words_add_is_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    postings, words = Postings(), np.zeros((ITEMS, 3), np.int32)
    for item in range(ITEMS):
        words[item] = rng.permutation(9)[:3] + 1
        for word in words[item].tolist():
            postings.add(word, item)
    words[rng.random(words.shape) < 0.2] = 0
    rarity = np.concatenate([rng.random(int(rng.integers(1, 12))), [0.0]])
    items = recent(rng)
    same(posting_addends, words[items], rng.random(len(items)), rarity, postings.arrays)


@given(SEEDS)
def test_shares_of_tastes_have_the_same_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    choices, candidates = int(rng.integers(1, 9)), int(rng.integers(0, ITEMS))
    of_recent = rng.integers(0, 6, (3, choices)).astype(np.int32)
    of_candidates = rng.integers(0, 6, (3, candidates)).astype(np.int32)
    same(taste_shares, of_recent, rng.standard_normal(choices), 5, of_candidates, 6)


def test_lists_are_the_same_with_and_without_compiled_kernels(tmp_path: Path) -> None:
    world = busy_world()
    times = {"plan_id": PlanId("p1"), "made_at": START, "expires_at": START + 1e9}
    pinned = Plan(user_id=UserId("u1"), goal="test", constraints=Constraints(pinned_items=("i7",)), **times)
    queries = [query_of(world, f"u{person}", after=60.0 * person) for person in range(12)]
    queries += [query_of(world, "nobody"), query_of(world, "u1", plan=pinned, memories=[memory("u1", "tea")])]
    assert all(kernel.is_compiled for kernel in KERNELS)
    compiled = world.recommender("allow").rank(queries)
    assert World().recommender().rank([query_of(World(), "u1")])[0].slate == ()
    use_definitions()
    defined = world.recommender("allow").rank(queries)
    compile_kernels(tmp_path)
    assert [ranking.slate for ranking in compiled] == [ranking.slate for ranking in defined]
    assert all(own.features.tobytes() == other.features.tobytes() for own, other in zip(compiled, defined, strict=True))


def test_a_directory_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code = "import os; os.environ.pop('NUMBA_CACHE_DIR', None); from pathlib import Path; "
    code += "from inference.kernels import compiler; "
    code += f"assert not compiler._keep_code_in(Path({str(tmp_path / 'file' / 'kernels')!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "compiled at every start" in done.stderr
