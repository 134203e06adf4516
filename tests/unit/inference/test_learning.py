"""Learning promises: better with examples, the same after a restart, organic and shown apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from features.item_factors import FACTOR_WIDTH
from features.views import feature_schema_id
from inference.learning.item_vectors import ItemVectors
from inference.learning.learner import Learner
from inference.learning.torch_network import flatten, unflatten, write_gradients
from inference.learning.torch_network import forward as torch_forward
from inference.learning.weights_file import initial_weights, read_weights, write_weights
from inference.ranking.network import Arrays, forward, initial
from inference.signals.factors import Factors
from schemas.ids import EventId, ItemId, ListId, UserId
from schemas.ranking_log import Choice, ListOutcome, Ranked, RankingLogEntry

COLUMNS = ("covisit", "age", "popular_1d", "noise")


def drawn_arrays(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(part.shape).astype(np.float32) for name, part in initial(COLUMNS).items()}


def choice(number: int, *, rank: int | None = None, seen: bool = False) -> Choice:
    """A user who always takes the candidate that is highest in the last column."""
    features = np.random.default_rng(number).standard_normal((12, len(COLUMNS))).astype("<f4")
    return Choice(
        entry_id=f"c{number}",
        user_id=UserId(f"u{number % 5}"),
        event_time=1e9 + number,
        event_id=EventId(f"e{number}"),
        item_id=ItemId(f"i{number % 17}"),
        table=feature_schema_id(COLUMNS),
        items=tuple(ItemId(f"i{row}") for row in range(12)),
        features=features.tobytes(),
        chosen=int(features[:, -1].argmax()),
        rank=rank,
        seen_before=seen,
        model_version=0,
    )


def shown(number: int) -> list[RankingLogEntry]:
    base = choice(number)
    ranked = Ranked(
        entry_id=f"r{number}",
        user_id=base.user_id,
        event_time=base.event_time,
        list_id=ListId(f"l{number}"),
        table=base.table,
        items=base.items,
        features=base.features,
        propensities=(None,) * 12,
        feature_time=base.event_time,
        user_features={},
        model_version=0,
    )
    assert base.chosen is not None
    outcome = ListOutcome(
        entry_id=f"o{number}",
        user_id=base.user_id,
        event_time=base.event_time,
        list_id=ranked.list_id,
        shown=base.items,
        clicked=(base.items[base.chosen],),
    )
    return [ranked, outcome]


def loss(learner: Learner, numbers: Sequence[int]) -> float:
    total = 0.0
    for number in numbers:
        example = choice(number)
        features = np.frombuffer(example.features, "<f4").reshape(12, len(COLUMNS))
        scores = forward(learner.weights(), features)
        total -= float(scores[example.chosen] - np.logaddexp.reduce(scores))
    return total / len(numbers)


def test_numpy_and_torch_score_alike() -> None:
    features = np.random.default_rng(1).standard_normal((3, 50, len(COLUMNS))).astype(np.float32)
    arrays = drawn_arrays()
    parts = unflatten(flatten(arrays), {name: part.shape for name, part in arrays.items()})
    scores = torch_forward(parts, torch.from_numpy(features)).numpy()
    assert np.abs(scores - forward(arrays, features)).max() < 1e-5


def test_the_written_gradient_equals_autograd() -> None:
    rng = np.random.default_rng(2)
    features = torch.from_numpy(rng.standard_normal((3, 7, len(COLUMNS))).astype(np.float32))
    target = torch.from_numpy(rng.random((3, 7)).astype(np.float32))
    offset = torch.zeros(3, 7)
    offset[0, 5:] = -torch.inf
    target[0, 5:] = 0.0
    arrays = drawn_arrays()
    shapes = {name: part.shape for name, part in arrays.items()}
    flat = flatten(arrays).requires_grad_()
    scores = torch_forward(unflatten(flat, shapes), features) + offset
    logs = torch.log_softmax(scores, dim=-1).masked_fill(offset == -torch.inf, 0.0)
    (recorded,) = torch.autograd.grad(-(target * logs).sum() / 3, flat)
    written = torch.full_like(flat.detach(), torch.nan)
    write_gradients(unflatten(flat.detach(), shapes), unflatten(written, shapes), features, target, offset)
    assert torch.allclose(recorded, written, atol=1e-5)


def test_it_learns_what_users_choose() -> None:
    learner = Learner(COLUMNS)
    before = loss(learner, range(1_000, 1_050))
    learner.learn([choice(number) for number in range(300)])
    assert loss(learner, range(1_000, 1_050)) < 0.8 * before


def test_it_learns_from_what_was_clicked_among_the_shown() -> None:
    learner = Learner(COLUMNS)
    before = loss(learner, range(1_000, 1_050))
    for number in range(300):
        learner.learn(shown(number))
    assert loss(learner, range(1_000, 1_050)) < 0.8 * before
    assert learner.prequential_queries == 0


def test_weights_do_not_depend_on_how_examples_are_divided_into_calls() -> None:
    entries = [choice(number) for number in range(60)]
    one, other = Learner(COLUMNS), Learner(COLUMNS)
    one.learn(entries)
    for start in range(0, 60, 7):
        other.learn(entries[start : start + 7])
    assert all(np.array_equal(part, other.weights()[name]) for name, part in one.weights().items())


def test_a_restart_changes_nothing() -> None:
    entries = [entry for number in range(40) for entry in (choice(number, rank=1), *shown(number))]
    straight, first, second = (Learner(COLUMNS, vectors=True) for _ in range(3))
    straight.learn(entries)
    first.learn(entries[:61])
    assert second.restore(first.checkpoint())
    second.learn(entries[61:])
    one, other = straight.export(1), second.export(1)
    assert all(np.array_equal(part, other.arrays[name]) for name, part in one.arrays.items())
    assert straight.vectors()[0] == second.vectors()[0] != ()
    assert np.array_equal(straight.vectors()[1], second.vectors()[1])
    assert (straight.score, straight.prequential_queries, straight.examples) == (
        second.score,
        second.prequential_queries,
        second.examples,
    )


def test_a_checkpoint_of_another_feature_schema_is_refused() -> None:
    assert not Learner(("other", "columns")).restore(Learner(COLUMNS).checkpoint())


def test_entries_of_another_feature_schema_are_ignored() -> None:
    learner = Learner(("other", "columns"))
    learner.learn([choice(1)])
    assert (learner.foreign, learner.examples) == (1, 0)


def test_prequential_queries_are_scored_before_they_are_learned() -> None:
    learner = Learner(COLUMNS)
    learner.learn([choice(1, rank=2), choice(2)])
    assert (learner.prequential_queries, learner.score, learner.hit_rate) == (2, 0.25, 0.5)


@pytest.mark.parametrize("repeating", [True, False])
def test_the_repeat_rate_is_estimated(repeating: bool) -> None:
    learner = Learner(COLUMNS)
    learner.learn([choice(number, seen=repeating and number % 2 == 0) for number in range(200)])
    assert (learner.repeat_rate > 0.2) is repeating


def pair(number: int, items: int = 16) -> Choice:
    """Return a choice of the other item of a pair by a user whose newest item is of that pair."""
    newest = number % items
    base = choice(number)
    features = np.zeros((items, len(COLUMNS)), "<f4")
    names = tuple(ItemId(f"i{row}") for row in range(items))
    return replace(base, items=names, features=features.tobytes(), chosen=newest ^ 1, newest=(names[newest],))


def test_what_follows_an_item_comes_to_lie_in_its_direction() -> None:
    learner = Learner(COLUMNS, vectors=True)
    learner.learn([pair(number) for number in range(640)])
    ids, rows = learner.vectors()
    place = {item: row for row, item in enumerate(ids)}
    factors = Factors(capacity=len(ids))
    factors.put(list(range(len(ids))), rows)
    for newest in range(16):
        own = factors.affinity(np.array([place[ItemId(f"i{newest}")]]))
        found = factors.at(np.arange(len(ids)), own)
        assert ids[int(found.argmax())] == f"i{newest ^ 1}"


def test_an_items_first_factors_depend_on_its_id_alone_and_only_moved_ones_are_exported_again() -> None:
    one, other = ItemVectors(3), ItemVectors(3)
    one.learn([ItemId("a"), ItemId("b")], [], np.zeros(2, np.float32))
    other.learn([ItemId("b"), ItemId("a")], [], np.zeros(2, np.float32))
    (ids, rows), (others, theirs) = one.export(), other.export()
    assert sorted(zip(ids, rows.tolist(), strict=True)) == sorted(zip(others, theirs.tolist(), strict=True))
    one.learn([ItemId("b"), ItemId("c")], [ItemId("d")], np.array([0.5, -0.5], np.float32))
    moved, changed = one.export(moved_only=True)
    assert set(moved) == {"b", "c", "d"}
    assert changed.shape == (3, FACTOR_WIDTH)
    assert one.export(moved_only=True)[0] == ()


def test_weights_survive_writing_and_reading(tmp_path: Path) -> None:
    learner = Learner(COLUMNS, vectors=True)
    learner.learn([choice(number) for number in range(50)])
    ids, vectors = learner.vectors()
    written = replace(learner.export(7), vector_ids=ids, vectors=vectors)
    write_weights(tmp_path / "ranker" / "weights.npz", written)
    read = read_weights(tmp_path / "ranker" / "weights.npz")
    assert (read.version, read.table, read.repeat_rate) == (7, written.table, written.repeat_rate)
    assert read.vector_ids == written.vector_ids
    assert np.array_equal(read.vectors, written.vectors)
    assert all(np.array_equal(part, read.arrays[name]) for name, part in written.arrays.items())
    assert [path.name for path in (tmp_path / "ranker").iterdir()] == ["weights.npz"]


def test_the_initial_weights_are_always_the_same() -> None:
    one, other = initial_weights(COLUMNS), initial_weights(COLUMNS)
    assert all(np.array_equal(part, other.arrays[name]) for name, part in one.arrays.items())
