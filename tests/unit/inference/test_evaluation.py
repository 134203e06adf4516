"""Measures say what they promise: intervals cover, baselines are what a direct computation gives, baskets are whole."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from inference.evaluation.baselines.evaluator import BASELINES, BaselineEvaluator, ChoiceRow
from inference.evaluation.intervals.cluster_bootstrap import clustered
from inference.evaluation.metrics.baskets import BasketRecall, Baskets
from inference.evaluation.metrics.calibration import calibration
from inference.evaluation.metrics.coverage import CoverageCounter
from inference.evaluation.metrics.miss_analysis import miss_analysis
from inference.evaluation.metrics.prequential import Prequential
from inference.evaluation.metrics.ranks import measures
from schemas.ids import ItemId, UserId

DAY = 86_400.0


def simulated(rng: np.random.Generator, people: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Differences of hits by users who differ much more than their events do; the true mean is 0.1."""
    events = rng.integers(1, 25, people)
    own = rng.normal(0.1, 0.3, people)
    codes = np.repeat(np.arange(people), events).astype(np.int32)
    return own[codes] + rng.normal(0.0, 0.1, len(codes)), codes


def covered(clusters: bool) -> float:
    """Of how many simulated streams the interval holds the true mean."""
    rng = np.random.default_rng(8)
    held = 0
    for trial in range(200):
        values, people = simulated(rng)
        groups = people if clusters else np.arange(len(values), dtype=np.int32)
        [interval] = clustered(values[:, None], groups, seed=trial, resamples=300)
        held += interval.low <= 0.1 <= interval.high
    return held / 200


def test_intervals_over_users_cover_as_often_as_they_say() -> None:
    assert 0.90 <= covered(clusters=True) <= 0.99


def test_intervals_over_events_would_not() -> None:
    """Else the test above would hold of any interval."""
    assert covered(clusters=False) < 0.75


def test_the_same_seed_gives_the_same_interval() -> None:
    values, people = simulated(np.random.default_rng(1))
    once, again, other = (clustered(values[:, None], people, seed=seed, resamples=200) for seed in (3, 3, 4))
    assert once == again != other


def test_without_events_there_is_no_interval() -> None:
    assert clustered(np.zeros((0, 2)), np.zeros(0, np.int32), seed=0)[1].high == 0.0


def test_metrics_of_arrays_equal_the_running_ones() -> None:
    ranks = np.random.default_rng(2).integers(0, 14, 300).astype(np.int16)
    running = Prequential()
    for rank in ranks.tolist():
        running.add(rank or None)
    ours, theirs = measures(ranks), running.measures()
    assert ours.events == theirs.events
    assert (ours.hit_rate, ours.gain, ours.reciprocal_rank) == pytest.approx(
        (theirs.hit_rate, theirs.gain, theirs.reciprocal_rank)
    )


def test_true_probabilities_are_calibrated_and_overconfident_ones_are_not() -> None:
    rng = np.random.default_rng(4)
    chance = rng.random(20_000).astype(np.float32)
    happened = rng.random(20_000) < chance
    assert calibration(chance, happened).error < 0.02
    assert calibration(np.sqrt(chance), happened).error > 0.1


def test_the_counts_of_the_miss_analysis_add_up() -> None:
    rng = np.random.default_rng(6)
    table = miss_analysis(rng.integers(0, 3, 500).astype(np.int8), rng.integers(0, 40, 500).astype(np.int32), "abc")
    assert sum(map(sum, table.counts)) == 500


def test_lists_of_popular_items_are_less_novel_and_cover_less() -> None:
    popular, rare = CoverageCounter(), CoverageCounter()
    for exposure in (popular, rare):
        for item in "aaaaabbbcd":
            exposure.learn(ItemId(item))
    popular.add([ItemId("a"), ItemId("b")])
    rare.add([ItemId("c"), ItemId("d"), ItemId("never-chosen")])
    assert popular.shown().novelty < rare.shown().novelty
    assert (popular.shown().coverage, rare.shown().coverage) == (0.5, 0.5)


def test_coverage_grows_with_the_number_of_items() -> None:
    exposure = CoverageCounter()
    for number in range(3_000):
        exposure.learn(ItemId(f"i{number}"))
    exposure.add([ItemId("i2999")])
    assert exposure.shown().coverage == 1 / 3_000


def test_named_baskets_stay_together_and_inferred_ones_end_with_a_session() -> None:
    baskets, ann, bob = Baskets(), UserId("ann"), UserId("bob")
    steps = [
        (ann, "b1", 0.0),
        (bob, "", 1.0),
        (ann, "b1", 9e9),
        (bob, "", 1_801.0),
        (bob, "", 4_000.0),
        (ann, "b2", 9e9),
    ]
    places = [baskets.assign(*step) for step in steps]
    assert [place.basket for place in places] == [0, 1, 0, 1, 2, 3]
    assert [place.opens for place in places] == [True, True, False, False, True, True]
    assert [place.has_earlier for place in places] == [False, False, True, True, True, True]
    assert (baskets.named, baskets.inferred) == (2, 2)


def test_a_basket_is_evaluated_by_the_list_from_before_it_and_each_item_counts_once() -> None:
    recall = BasketRecall()
    recall.add(1, ItemId("a"))
    recall.open(2, [ItemId("a"), ItemId("b"), ItemId("c")])
    for item in "axxa":
        recall.add(2, ItemId(item))
    assert recall.values() == {2: 0.5}


def stream(size: int = 500) -> list[ChoiceRow]:
    rng = random.Random(3)
    return [
        ChoiceRow(
            UserId(f"u{rng.randrange(25)}"),
            ItemId(f"i{int(rng.paretovariate(0.7)) % 40}"),
            1e9 + step * 0.1 * DAY,
            evaluated=step >= 100,
            repeats=step % 3 == 0,
            without=(ItemId("i1"),) if step % 5 == 0 else (),
            basket=step,
            opens=True,
        )
        for step, _ in enumerate(range(size))
    ]


def pairs(past: list[ChoiceRow]) -> Counter[frozenset[ItemId]]:
    """How many users chose one item first while the other was among their twenty newest."""
    histories: dict[UserId, list[ItemId]] = {}
    found = Counter[frozenset[ItemId]]()
    for row in past:
        history = histories.setdefault(row.user, [])
        if row.item not in history:
            found.update(frozenset((row.item, other)) for other in list(dict.fromkeys(reversed(history)))[:20])
        history.append(row.item)
    return found


def direct(rows: list[ChoiceRow], at: int) -> dict[str, dict[ItemId, float]]:
    """Each baseline's scores just before a row, worked out anew from all rows before it."""
    past, user, now = rows[:at], rows[at].user, rows[at].at
    counts, decayed = Counter(row.item for row in past), Counter[ItemId]()
    people: dict[ItemId, set[UserId]] = {}
    for row in past:
        decayed[row.item] += 2.0 ** ((row.at - now) / DAY)
        people.setdefault(row.item, set()).add(row.user)
    newest = list(dict.fromkeys(row.item for row in reversed(past) if row.user == user))[:20]
    together = pairs(past)
    near = {
        item: 1e-9 * len(mine)
        + sum(
            0.8**place * together[frozenset((item, other))] / ((len(mine) + 5.0) * (len(people[other]) + 5.0)) ** 0.5
            for place, other in enumerate(newest)
        )
        for item, mine in people.items()
    }
    most_near, most_decayed = max(near.values()), max(decayed.values())
    both = {item: near[item] / most_near + 0.1 * decayed[item] / most_decayed for item in people}
    return dict(zip(BASELINES, (counts, decayed, near, both), strict=True))


def agree(rows: list[ChoiceRow], ranks: np.ndarray) -> None:
    """Hold each evaluated row's ranks against scores that are worked out anew, on the same mask; ties go either way."""
    evaluated = [at for at, row in enumerate(rows) if row.evaluated]
    assert ranks.shape == (len(evaluated), 4)
    for place, at in enumerate(evaluated):
        row = rows[at]
        gone = {*row.without} if row.repeats else {*row.without, *(r.item for r in rows[:at] if r.user == row.user)}
        for floor, scores in enumerate(direct(rows, at).values()):
            open_scores = {item: score for item, score in scores.items() if item not in gone}
            assert ranks[place, floor] in _places(row.item, open_scores), (at, BASELINES[floor])


def _places(item: ItemId, scores: dict[ItemId, float], edge: float = 1e-9) -> set[int]:
    own = scores.get(item)
    if own is None:
        return {0}
    better = sum(score > own * (1.0 + edge) for score in scores.values())
    level = sum(abs(score - own) <= own * edge for score in scores.values())
    return {place if place <= 10 else 0 for place in range(better + 1, better + level + 1)}


def test_baseline_results_equal_a_direct_computation() -> None:
    rows, judge = stream(), BaselineEvaluator()
    judge.take(rows)
    agree(rows, judge.results().ranks)
