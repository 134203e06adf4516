"""Fits a population to the choices of real people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from agents.simulation.catalogue import Doubles, SimulatedCatalogue
from agents.simulation.history import CONFORMITY, FACTORS, MATCH, NOVELTY, History, Pair
from agents.simulation.persona import Habits, Manner, Population

NEWTON_STEPS = 25
RIDGE = 1.0
CHOICES_OF_A_TASTE = 5
"""From so many choices on, a user's taste is one that simulated users may have."""


def fit(history: History, catalogue: SimulatedCatalogue) -> Population:
    """Return the population of these people; what there is too little of keeps its default."""
    tastes = [catalogue.taste_of(chosen) for chosen in history.chosen.values() if len(chosen) >= CHOICES_OF_A_TASTE]
    habits = Habits()
    return Population(
        manner=fit_manner(history),
        habits=Habits(tuple(history.sessions) or habits.choices, tuple(history.gaps) or habits.gaps),
        tastes=tuple(tastes) or (catalogue.common_taste,),
        is_fitted=True,
    )


def fit_manner(history: History) -> Manner:
    """Return how these people choose: a logistic regression of their choices against items drawn from all.

    The threshold is set so that half of their choices and of items as popular are accepted, all being as popular as
    usual.
    """
    if not history.pairs:
        return Manner()
    weights = paired_logistic(np.array([pair.chosen - pair.anything for pair in history.pairs]))
    manner = replace(
        Manner(),
        match=float(weights[MATCH]),
        novelty=float(weights[NOVELTY]),
        conformity=float(weights[CONFORMITY]),
        repeats=history.repeats / max(1, history.choices),
    )
    usual = float(np.mean([pair.chosen[CONFORMITY] for pair in history.pairs]))
    return replace(manner, usual=usual, threshold=float(np.median(np.concatenate(worths(history.pairs, manner)))))


def paired_logistic(differences: Doubles) -> Doubles:
    """Return the weights under which the chosen of two items is the likelier one: float64 `[factors]`.

    `differences [pairs, factors]` are the chosen item's factors less the other's. Newton's method with a ridge penalty.

    >>> paired_logistic(np.array([[1.0], [1.0], [-1.0]])).round(1).tolist()
    [0.3]
    """
    weights: Doubles = np.zeros(differences.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-differences @ weights))
        gradient = differences.T @ (1.0 - p) - RIDGE * weights
        curvature = (differences * (p * (1.0 - p))[:, None]).T @ differences + RIDGE * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, gradient)
    return weights


def worths(pairs: Sequence[Pair], manner: Manner) -> tuple[Doubles, Doubles]:
    """Return the log-odds of the chosen items and of those matched in popularity, were all as popular as usual: float64
    `[pairs]` each.
    """
    weights = weights_of(manner) * (np.arange(FACTORS) != CONFORMITY)
    chosen = np.array([pair.chosen for pair in pairs]).reshape(-1, FACTORS)
    matched = np.array([pair.matched for pair in pairs]).reshape(-1, FACTORS)
    return chosen @ weights, matched @ weights


def weights_of(manner: Manner) -> Doubles:
    """Return the weights of the factors, float64 `[factors]`."""
    return np.array([manner.match, manner.novelty, manner.conformity])
