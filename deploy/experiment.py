"""Builds exploration and the arms of an experiment from the settings."""

from __future__ import annotations

from deploy.settings import Settings
from inference.experiment import CHAMPION, CONTROL, Arm, Experiment
from inference.exploration import Exploration


def make_exploration(settings: Settings, rate: float | None = None) -> Exploration | None:
    """Return how lists explore, at this rate or else the setting's; none if rate 0 disables it, whatever plans say."""
    ranking = settings.ranking
    rate = ranking.exploration if rate is None else rate
    if not rate:
        return None
    return Exploration(rate=rate, temperature=ranking.exploration_temperature, top=ranking.exploration_top)


def make_experiment(settings: Settings) -> Experiment | None:
    """Return the experiment of the settings; none if there is none."""
    experiment = settings.experiment
    if not experiment.arms:
        return None
    arms = [
        Arm(
            name=name,
            share=arm.share,
            variant=CHAMPION if arm.variant == "champion" else arm.variant,
            exploration=make_exploration(settings, arm.exploration),
        )
        for name, arm in experiment.arms.items()
    ]
    return Experiment(experiment.name, Arm(name=CONTROL, exploration=make_exploration(settings)), arms)


def served_variants(settings: Settings) -> tuple[str, ...]:
    """Return the variants that serve arms beside the champion."""
    named = {arm.variant for arm in settings.experiment.arms.values()}
    return tuple(sorted(named - {"champion"}))
