"""Each baseline finds planted patterns, follows its paper, and never reads the future."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from features.decay import DAY
from inference.evaluation.baselines import FULL
from inference.evaluation.baselines.baseline import Baseline, Personal
from inference.evaluation.baselines.ease import Ease, autoencoder
from inference.evaluation.baselines.gru4rec import Gru4Rec
from inference.evaluation.baselines.implicit_als import ImplicitAls, als
from inference.evaluation.baselines.simple import Popularity, SimpleBaseline
from inference.evaluation.baselines.tifuknn import Tifuknn, personal_vector
from inference.evaluation.baselines.tuned import Tuned, TuningChoice, hit_rate
from inference.evaluation.baselines.vsknn import VSknn
from schemas.ids import ItemId, UserId
from tests.unit.inference.test_simple_baselines import taught

START = 1e9
MAKERS: dict[str, Callable[[], Baseline]] = {
    "EASE": lambda: Ease(penalty=1.0),
    "ALS": lambda: ImplicitAls(factors=2, alpha=5.0),
    "GRU4Rec": lambda: Gru4Rec(width=16, rate=1e-2, epochs=20),
    "V-SKNN": VSknn,
    "TIFUKNN": lambda: Tifuknn(neighbours=4, own=0.2),
}
GROUPS = ("abc", "xyz")
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def named(letters: str) -> list[ItemId]:
    return [ItemId(letter) for letter in letters]


def two_camps(baseline: SimpleBaseline, user_count: int = 24) -> SimpleBaseline:
    """Half the users choose a, b, c in this order, the others x, y, z; the last item of some is still to come."""
    for step in range(3):
        for user in range(user_count):
            if step < 2 or user >= 8:
                item = GROUPS[user % 2][step]
                baseline.learn(UserId(f"u{user}"), ItemId(item), START + step * 7_200.0 + user)
    return baseline


@each
def test_a_user_gets_what_similar_users_chose_next(make: Callable[[], Baseline]) -> None:
    baseline = two_camps(make())
    now = START + 3 * 7_200.0
    for user, group in ((0, "abc"), (1, "xyz")):
        history = named(group[:2])
        top = (
            baseline.top_of(UserId(f"u{user}"), history, now, 1, history)
            if isinstance(baseline, Personal)
            else baseline.top(history, now, 1, history)
        )
        assert top == [group[2]]


@each
def test_before_the_first_event_the_list_is_empty(make: Callable[[], Baseline]) -> None:
    assert make().top((), START, 10, ()) == []


@each
def test_excluded_items_are_not_in_the_list_and_none_is_repeated(make: Callable[[], Baseline]) -> None:
    baseline = two_camps(make())
    top = baseline.top(named("ab"), START + DAY, 10, named("ab"))
    assert not set(top) & set("ab")
    assert len(set(top)) == len(top) == 4


@each
def test_an_unknown_user_gets_popular_items(make: Callable[[], Baseline]) -> None:
    baseline = taught(make(), "1a 2a 3b 4b 5b")
    assert baseline.top((), START, 2, ()) == baseline.top(named("?"), START, 2, ()) == ["b", "a"]


@each
def test_an_item_that_came_after_the_last_fit_is_tolerated(make: Callable[[], Baseline]) -> None:
    baseline = two_camps(make())
    baseline.top(named("ab"), START + DAY, 1, ())
    baseline.learn(UserId("late"), ItemId("new"), START + DAY + 60.0)
    assert baseline.top(named("new"), START + DAY + 120.0, 3, ())
    assert baseline.top([*named("ab"), ItemId("new")], START + DAY + 120.0, 1, ["a", "b", "new"])  # type: ignore[list-item]


@each
def test_the_same_stream_gives_the_same_lists(make: Callable[[], Baseline]) -> None:
    once, again = (two_camps(make()).top(named("a"), START + DAY, 6, ()) for _ in range(2))
    assert once == again


def test_ease_is_the_ridge_regression_of_each_item_on_the_others() -> None:
    rng = np.random.default_rng(0)
    chosen = (rng.random((40, 5)) < 0.4).astype(np.float32)
    found = autoencoder(chosen.T @ chosen, 3.0)
    for item in range(5):
        others = [other for other in range(5) if other != item]
        held = chosen[:, others]
        expected = np.linalg.solve(held.T @ held + 3.0 * np.eye(4), held.T @ chosen[:, item])
        assert found[others, item] == pytest.approx(expected, abs=1e-4)
    assert (np.diag(found) == 0.0).all()


def test_ease_recommends_the_most_popular_items_only() -> None:
    baseline = two_camps(Ease(penalty=1.0, max_items=3))
    baseline.learn(UserId("u0"), ItemId("rare"), START + 9_000.0)
    assert baseline.top(named("a"), START + 10_000.0, 2, named("a"))[0] == "b"
    assert "rare" not in baseline.top(named("a"), START + 10_000.0, 2, named("a"))


def test_als_folds_a_user_in_by_the_closed_form() -> None:
    baseline = two_camps(ImplicitAls(factors=4, penalty=0.5, alpha=3.0))
    scores = baseline.scores([0, 2], START + DAY)  # type: ignore[attr-defined]
    rows = [(user, item) for user, chosen in enumerate(baseline._users.chosen) for item in chosen]  # type: ignore[attr-defined]
    user_count, items = np.array(rows).T
    model = als(csr_matrix((np.ones(len(rows), np.float32), (user_count, items))), 4, 0.5, 3.0)
    factors = np.asarray(model.item_factors, np.float64)
    reported = factors[[0, 2]]
    left = factors.T @ factors + 2.0 * reported.T @ reported + 0.5 * np.eye(4)
    user = np.linalg.solve(left, 3.0 * reported.sum(axis=0))
    assert scores == pytest.approx(factors @ user, abs=1e-3)


def test_the_newest_items_weigh_most_in_vsknn() -> None:
    """Worked by hand: of the session b, a (newest first) the neighbours share a (weight .5) or b (weight 1)."""
    baseline = taught(VSknn(), "1a 1p 2b 2q 3a 3b", apart=1.0)
    scores = baseline.scores([0, 2], START)  # type: ignore[attr-defined]
    named_scores = dict(zip(baseline.items.ids, scores.tolist(), strict=True))  # type: ignore[attr-defined]
    assert named_scores["q"] == pytest.approx(1.0)
    assert named_scores["p"] == pytest.approx(0.5 * 0.9)
    assert named_scores["a"] == pytest.approx(0.5 * 0.9 + 1.5)
    assert named_scores["b"] == -np.inf, "the newest item is not recommended"


def test_sessions_are_separate_neighbours_unless_whole_histories_are_used() -> None:
    for whole, found in ((True, ["z"]), (False, ["y"])):
        baseline = VSknn(whole=whole)
        for at, item in ((0.0, "z"), (10_000.0, "x"), (10_001.0, "y")):
            baseline.learn(UserId("u"), ItemId(item), START + at)
        top = baseline.top(named("x"), START + 10_002.0, 2, named("y" if whole else "z"))
        assert top[:1] == found


def test_vsknn_repeats_nothing_within_a_session_unless_configured_to() -> None:
    for again, now, found in ((False, 60.0, "c"), (True, 60.0, "a"), (False, 9_000.0, "a")):
        baseline = taught(VSknn(again=again), "1a 1b 1c", apart=0.0)
        baseline.learn(UserId("2"), ItemId("a"), START)
        baseline.learn(UserId("2"), ItemId("b"), START + 1.0)
        top = baseline.top_of(UserId("2"), named("ab"), START + now, 1, ())  # type: ignore[attr-defined]
        assert top == [found]


def test_a_users_vector_is_computed_over_groups_of_baskets() -> None:
    """Hu et al., section 4.1: five baskets in groups of two, the first of which has one."""
    vector = personal_vector([[1], [2], [3], [4], [5]], 2, 0.9, 0.7)
    first, second, third = np.array([1.0]) * 0.7**2, np.array([0.9, 1.0]) / 2 * 0.7, np.array([0.9, 1.0]) / 2
    expected = np.concatenate([first, second, third]) / 3
    assert [vector[item] for item in range(1, 6)] == pytest.approx(expected.tolist())


def test_tifuknn_recommends_repeat_purchases_and_nothing_of_the_current_basket() -> None:
    baseline = Tifuknn(own=0.9)
    for week in range(6):
        for index, item in enumerate("mn" if week % 2 else "m"):
            baseline.learn(UserId("u"), ItemId(item), START + week * 7 * DAY + index)
        baseline.learn(UserId("v"), ItemId("other"), START + week * 7 * DAY + 10.0)
    history, later = named("mmnmmnmmn"), START + 50 * DAY
    assert baseline.top_of(UserId("u"), history, later, 2, ()) == ["m", "n"]
    baseline.learn(UserId("u"), ItemId("m"), later)
    assert baseline.top_of(UserId("u"), [*history, ItemId("m")], later + 60.0, 1, ()) == ["n"]


def test_gru4rec_grows_with_the_items_and_keeps_its_weights() -> None:
    baseline = two_camps(Gru4Rec(width=16, rate=1e-2, epochs=30))
    baseline.top(named("a"), START + 9_000.0, 1, ())
    for number in range(1_100):
        baseline.learn(UserId(f"once-{number}"), ItemId(f"i{number}"), START + 9_001.0)
    top = baseline.top(named("ab"), START + 9_002.0, 1, named("ab"))
    assert top == ["c"]


def test_gru4rec_learns_from_online_steps_alone() -> None:
    baseline = Gru4Rec(width=16, rate=1e-2, epochs=0)
    for turn in range(160):
        for user in range(8):
            item = GROUPS[user % 2][turn % 3]
            baseline.learn(UserId(f"u{user}"), ItemId(item), START + turn)
    assert baseline.top(named("ab"), START + 200.0, 1, ()) == ["c"]
    assert baseline.top(named("xy"), START + 200.0, 1, ()) == ["z"]


class Constant:
    """A baseline that always says the same."""

    def __init__(self, item: str = "a") -> None:
        self.item = ItemId(item)
        self.learned = 0

    def top(self, *asked: Any) -> list[ItemId]:
        return [self.item]

    def learn(self, *row: Any) -> None:
        self.learned += 1


def test_tuning_reads_only_choices_before_the_first_list_and_selects_the_best_hit_rate() -> None:
    parameters_made: list[Constant] = []

    def make(item: str) -> Constant:
        parameters_made.append(Constant(item))
        return parameters_made[-1]

    tuned = Tuned(make, [{"item": "a"}, {"item": "b"}, {"item": "c"}])  # type: ignore[dict-item]
    for index in range(40):
        tuned.learn(UserId(f"u{index}"), ItemId("b" if index >= 30 else "a"), START + index)
    assert (tuned.chosen, parameters_made) == (None, [])
    assert tuned.top((), START, 1, ()) == ["b"]
    assert [(trial.parameters["item"], trial.hit_rate) for trial in tuned.trials] == [
        ("a", 0.0),
        ("b", 1.0),
        ("c", 0.0),
    ]
    assert tuned.chosen == tuned.trials[1]
    tuned.learn(UserId("late"), ItemId("c"), START + 99.0)
    assert [each.learned for each in parameters_made] == [40, 40, 40, 41]
    assert len(tuned.trials) == 3


def test_trials_exclude_chosen_items_only_where_users_never_repeat() -> None:
    again = [TuningChoice(UserId("u"), ItemId("a"), START + step) for step in range(40)]
    assert hit_rate(Constant(), again) == 1.0
    once = [TuningChoice(UserId(f"u{step}"), ItemId("a"), START + step) for step in range(40)]
    assert hit_rate(Popularity(), once) == 1.0
    assert (
        hit_rate(Popularity(), [TuningChoice(UserId("u"), ItemId(f"i{step}"), START + step) for step in range(40)])
        == 0.0
    )


@pytest.mark.parametrize("name", FULL)
def test_every_baseline_of_the_table_can_be_tuned_and_queried(name: str) -> None:
    baseline = FULL[name]()
    two_camps(baseline)
    top = baseline.top_of(UserId("u0"), named("ab"), START + DAY, 3, named("ab"))
    assert len(top) == 3
    assert len(baseline.trials) >= 3
    assert baseline.chosen is not None
