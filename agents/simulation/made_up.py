"""A made-up catalogue and population, for a simulation without a log. Nothing in it is fitted to anybody."""

from __future__ import annotations

import numpy as np

from agents.simulation.catalogue import SimulatedCatalogue
from agents.simulation.persona import Habits, Manner, Population
from schemas.ids import ItemId
from schemas.items import Item

MADE_UP_CATEGORIES, MADE_UP_ITEMS, MADE_UP_TASTES = 12, 400, 100
TASTE_CONCENTRATION = 0.3
"""Of the Dirichlet distribution of tastes: below 1, a user has few favourites."""


def made_up_items(rng: np.random.Generator) -> list[Item]:
    """Return items of one or two categories each, available from the beginning."""
    names = [f"category {number + 1}" for number in range(MADE_UP_CATEGORIES)]
    chosen = [rng.choice(MADE_UP_CATEGORIES, size=int(rng.integers(1, 3)), replace=False) for _ in range(MADE_UP_ITEMS)]
    return [
        Item(
            item_id=ItemId(f"made-up-{number}"),
            title=f"Item {number + 1}",
            categories=tuple(names[column] for column in columns),
            available_from=0.0,
        )
        for number, columns in enumerate(chosen)
    ]


def made_up_population(catalogue: SimulatedCatalogue, rng: np.random.Generator) -> Population:
    """Return a population with sparse tastes over the categories of a catalogue."""
    size = max(1, len(catalogue.categories))
    tastes = rng.dirichlet(np.full(size, TASTE_CONCENTRATION), size=MADE_UP_TASTES) + 1e-3
    return Population(
        manner=Manner(),
        habits=Habits(),
        tastes=tuple(taste / taste.sum() for taste in tastes),
        is_fitted=False,
    )
