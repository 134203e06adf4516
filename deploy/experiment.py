"""What the settings say of how lists are made for whom: exploration, and the arms of an experiment."""

from __future__ import annotations

from deploy.settings import Settings
from inference.experiment import CHAMPION, CONTROL, Arm, Experiment
from inference.exploration import Exploration


def make_exploration(settings: Settings, rate: float | None = None) -> Exploration | None:
    """How lists explore, at this rate or else the usual one; none if they are to exploit, whatever plans say."""
    ranking = settings.ranking
    rate = ranking.exploration if rate is None else rate
    if not rate:
        return None
    return Exploration(rate=rate, temperature=ranking.exploration_temperature, top=ranking.exploration_top)


def make_experiment(settings: Settings) -> Experiment | None:
    """The experiment that the settings describe, if they do."""
    given = settings.experiment
    if not given.arms:
        return None
    arms = [
        Arm(
            name=name,
            share=arm.share,
            variant=CHAMPION if arm.variant == "champion" else arm.variant,
            exploration=make_exploration(settings, arm.exploration),
        )
        for name, arm in given.arms.items()
    ]
    return Experiment(given.name, Arm(name=CONTROL, exploration=make_exploration(settings)), arms)


def served_variants(settings: Settings) -> tuple[str, ...]:
    """The lineages that serve arms beside the champion."""
    named = {arm.variant for arm in settings.experiment.arms.values()}
    return tuple(sorted(named - {"champion"}))
