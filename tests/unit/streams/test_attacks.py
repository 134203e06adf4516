"""Crowds of fakes in a replayed log: what they do, what is measured, and that the honest part stays the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from deploy.settings import Settings
from deploy.wiring import make_system_config
from features.decay import DAY
from schemas.interactions import Click, Rating
from streams.attacks.crowds import ATTACKS, Attack, fake_events
from streams.attacks.exposure import SYSTEMS
from streams.attacks.results import AttackResult, attack_results
from streams.attacks.run import AttackPlan, AttackRun, NothingAfter, run_attacks
from streams.attacks.scene import MADE_UP, OBSCURE_CHOICES, Scene, scene_of
from tests.unit.streams.backtest_logs import generated

CHOSEN = tuple(attack for attack in ATTACKS if attack.name in ("forged pairs", "first clicks", "repeated clicks"))
PLAN = AttackPlan(begin=0.75, days=7, resamples=50)
ALL = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


@pytest.fixture(scope="module")
def scene() -> Scene:
    log = generated()
    events = [event for _, event in log.events[:300]]
    return scene_of(events, log.items, log.events[300][1].event_time, seed=1)


@pytest.fixture(scope="module")
def run() -> AttackRun:
    return run_attacks(generated(), make_system_config(Settings()), PLAN, CHOSEN, jobs=2)


@pytest.fixture(scope="module")
def results(run: AttackRun) -> dict[str, AttackResult]:
    return {result.name: result for result in attack_results(run, PLAN, CHOSEN)}


def test_the_targets_are_an_item_of_few_choices_and_one_of_none(scene: Scene) -> None:
    counts = Counter(event.item_id for _, event in generated().events[:300] if isinstance(event, Rating))
    assert 1 <= counts[scene.targets["obscure"]] <= max(OBSCURE_CHOICES, min(counts.values()))
    assert counts[scene.targets["unknown"]] == 0
    assert scene.popular[0] == max(sorted(counts), key=lambda item: counts[item])


def test_without_a_catalogue_the_unknown_target_is_made_up() -> None:
    events = [event for _, event in generated().events[:50]]
    assert scene_of(events, (), events[-1].event_time, seed=1).targets["unknown"] == MADE_UP


@ALL
def test_every_account_chooses_the_target_and_the_same_seed_gives_the_same_events(attack: Attack, scene: Scene) -> None:
    fakes = fake_events(attack, scene, seed=3)
    assert fakes == fake_events(attack, scene, seed=3)
    target = scene.targets[attack.target]
    by_account = Counter(fake.event.user_id for fake in fakes if getattr(fake.event, "item_id", None) == target)
    assert len(by_account) == attack.crowd(scene)
    assert len({fake.event.event_id for fake in fakes}) == len(fakes)


@ALL
def test_a_crowd_begins_when_it_says_and_dates_its_events_as_far_ahead(attack: Attack, scene: Scene) -> None:
    fakes = fake_events(attack, scene, seed=3)
    begins = {fake.event.user_id: fake.produced for fake in reversed(fakes)}
    assert all(scene.at <= at < scene.at + attack.seconds for at in begins.values())
    assert [fake.produced for fake in fakes] == sorted(fake.produced for fake in fakes)
    assert all(fake.event.event_time == fake.produced + attack.ahead for fake in fakes)


@ALL
def test_profiles_rate_as_the_honest_do_and_clicks_carry_no_value(attack: Attack, scene: Scene) -> None:
    profile = attack.name in ("bandwagon", "average", "segment", "sleepers")
    for fake in fake_events(attack, scene, seed=3):
        assert isinstance(fake.event, Rating if profile else Click)


def test_sizes_are_those_of_the_table(scene: Scene) -> None:
    sizes = {attack.name: (attack.crowd(scene), len(fake_events(attack, scene, seed=3))) for attack in ATTACKS}
    assert sizes["first clicks"] == (2, 2)
    assert sizes["repeated clicks"] == (1, 200)
    assert sizes["bandwagon"][0] == max(1, round(0.05 * scene.users))


def test_lists_are_measured_for_the_same_honest_choices_with_and_without_a_crowd(run: AttackRun) -> None:
    for exposed in run.attacks.values():
        assert exposed.users.tolist() == run.control.users.tolist()
        assert exposed.at.tolist() == run.control.at.tolist()
        assert exposed.holds.shape == (2, len(run.control.at), len(SYSTEMS))
    assert run.control.at.min() >= run.scene.at
    assert run.control.at.max() < run.scene.at + PLAN.days * DAY


def test_without_a_crowd_nobody_is_shown_what_nobody_knows(run: AttackRun) -> None:
    unknown = list(run.scene.targets).index("unknown")
    assert not run.control.holds[unknown].any()


def test_a_crowd_of_repeats_moves_the_baselines_that_count_events(results: dict[str, AttackResult]) -> None:
    """Otherwise nothing would have been attacked."""
    assert results["repeated clicks"].worst("decayed popularity") > 0.5
    assert results["forged pairs"].worst("popularity") > 0.5


def test_two_first_clicks_put_no_unknown_item_before_strangers(results: dict[str, AttackResult]) -> None:
    assert results["first clicks"].worst("strangers") <= 0.01


def test_one_person_who_repeats_reaches_few_beside_the_baselines(results: dict[str, AttackResult]) -> None:
    repeated = results["repeated clicks"]
    assert repeated.worst("Lifelong") < 0.5 * repeated.worst("decayed popularity")


def test_every_day_has_its_lists_and_an_interval(results: dict[str, AttackResult]) -> None:
    for result in results.values():
        days = result.days
        assert [day.day for day in days] == sorted(day.day for day in days)
        assert all(day.lists > 0 and set(day.added) == set(SYSTEMS) for day in days)
        values = [day.added[name] for day in days for name in SYSTEMS]
        assert all(one.low <= one.value + 1e-12 and one.value <= one.high + 1e-12 for one in values)
        assert np.isfinite([one.value for one in values]).all()


@pytest.mark.parametrize("begin", [0.0, 1.0])
def test_an_attack_needs_a_log_before_it_and_one_after(begin: float) -> None:
    with pytest.raises(NothingAfter, match="'generated' has 400 events"):
        run_attacks(generated(), make_system_config(Settings()), AttackPlan(begin=begin), CHOSEN, jobs=1)
