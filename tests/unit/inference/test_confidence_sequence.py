"""An interval that is looked at after every block errs no more often than it says, whatever the values are like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.evaluation.intervals.confidence_sequence import ConfidenceSequence
from inference.evaluation.intervals.interval import Interval

LEVEL, SEQUENCES, BLOCKS, BLOCK = 0.2, 120, 20, 16
Values = NDArray[np.float64]


def tails(rng: np.random.Generator) -> Values:
    """Differences of two models: mostly none, now and then a large one, about nothing."""
    size = BLOCKS * BLOCK
    return np.where(rng.random(size) < 0.8, 0.0, rng.choice([-0.9, -0.3, 0.3, 0.9], size))


def lopsided(rng: np.random.Generator) -> Values:
    """Rare large gains and frequent small losses that are worth just as much."""
    return np.where(rng.random(BLOCKS * BLOCK) < 0.05, 0.95, -0.05)


def restless(rng: np.random.Generator) -> Values:
    """Each value's spread follows the size of the last one; its expectation never does."""
    found = np.zeros(BLOCKS * BLOCK)
    for index in range(1, len(found)):
        spread = 0.1 + 0.8 * abs(found[index - 1])
        found[index] = spread * rng.choice([-1.0, 1.0])
    return found


def coins(rng: np.random.Generator) -> Values:
    """The widest there is."""
    return rng.choice([-1.0, 1.0], BLOCKS * BLOCK)


def bounds(values: Values, level: float = LEVEL) -> list[tuple[float, float]]:
    """The interval after each block."""
    sequence, found = ConfidenceSequence(level), []
    for start in range(0, len(values), BLOCK):
        sequence.add(values[start : start + BLOCK].tolist())
        interval = sequence.interval()
        found.append((interval.low, interval.high))
    return found


@pytest.mark.parametrize("draw", [tails, lopsided, restless, coins])
def test_it_hardly_ever_excludes_the_truth(draw: Callable[[np.random.Generator], Values]) -> None:
    rng = np.random.default_rng(1)
    missed = sum(any(not low <= 0.0 <= high for low, high in bounds(draw(rng))) for _ in range(SEQUENCES))
    assert missed <= LEVEL * SEQUENCES


def test_the_usual_interval_errs_far_more_with_as_many_looks() -> None:
    """So the test above can fail: this is what it would find in an interval that is meant for one look."""
    rng, missed = np.random.default_rng(1), 0
    for _ in range(SEQUENCES):
        values = tails(rng)
        ends = np.arange(BLOCK, len(values) + 1, BLOCK)
        mean = np.cumsum(values)[ends - 1] / ends
        spread = np.array([values[:end].std() for end in ends]) / np.sqrt(ends)
        missed += bool((np.abs(mean) > 1.2816 * spread).any())
    assert missed > 2 * LEVEL * SEQUENCES


def test_a_model_that_is_never_better_is_hardly_ever_reported_as_better_however_it_drifts() -> None:
    rng, found = np.random.default_rng(2), 0
    for _ in range(SEQUENCES):
        at = np.arange(BLOCKS * BLOCK)
        never_above = np.minimum(0.0, 0.3 * np.sin(at / 20.0 + rng.uniform(0.0, 6.0)))
        values = np.clip(never_above + rng.normal(0.0, 0.2, len(at)), -1.0, 1.0)
        found += any(low > 0.0 for low, _ in bounds(values))
    assert found <= LEVEL / 2 * SEQUENCES


@pytest.mark.parametrize(("mean", "spread", "enough"), [(0.3, 0.3, 100), (0.05, 0.2, 1_000), (-0.05, 0.2, 1_000)])
def test_a_difference_is_detected_soon(mean: float, spread: float, enough: int) -> None:
    rng, found = np.random.default_rng(3), 0
    for _ in range(10):
        sequence = ConfidenceSequence(0.05)
        sequence.add(np.clip(rng.normal(mean, spread, enough), -1.0, 1.0).tolist())
        interval = sequence.interval()
        found += interval.low > 0.0 if mean > 0 else interval.high < 0.0
    assert found >= 9


def test_without_values_the_interval_is_the_whole_range() -> None:
    assert ConfidenceSequence(0.05).interval() == Interval(0.0, -1.0, 1.0)


def test_equal_models_soon_have_a_narrow_interval_around_zero() -> None:
    sequence = ConfidenceSequence(0.05)
    sequence.add([0.0] * 2_000)
    interval = sequence.interval()
    assert -0.01 < interval.low <= 0.0 <= interval.high < 0.01


def test_how_values_are_divided_into_calls_changes_nothing_but_rounding() -> None:
    values = tails(np.random.default_rng(4)).tolist()
    one, other = ConfidenceSequence(0.05), ConfidenceSequence(0.05)
    one.add(values)
    for value in values:
        other.add([value])
    assert np.allclose(one.stakes, other.stakes)
    assert one.interval().low == other.interval().low


@pytest.mark.parametrize("value", [1.01, -7.0, float("nan")])
def test_values_out_of_bounds_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="within"):
        ConfidenceSequence(0.05).add([0.0, value])
