"""A simulated user reads lists from the top, takes what is wanted, and leaves when satisfied, bored or tired."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from agents.simulation.catalogue import Doubles, SimulatedCatalogue
from agents.simulation.fitting import weights_of
from agents.simulation.history import CONFORMITY, MATCH, factors
from agents.simulation.persona import Manner, Persona, Population
from features.decay import DAY

SATIATION_HALF_LIFE = DAY


class ListReading(Struct, frozen=True):
    """What came of one list: the items that were looked at, those chosen, and how much each of these was enjoyed, from
    0 to 1.
    """

    looked_at: tuple[int, ...]
    chosen: tuple[int, ...]
    enjoyment: tuple[float, ...]


class SimulatedUser:
    """One user with a persona, who knows only their own past and the lists they are shown."""

    def __init__(
        self, persona: Persona, manner: Manner, catalogue: SimulatedCatalogue, rng: np.random.Generator
    ) -> None:
        self._manner = manner
        self._catalogue = catalogue
        self._rng = rng
        self._persona = persona
        self.taste = persona.taste
        self.chosen: list[int] = []
        self._sated: Doubles = np.zeros(len(catalogue.categories))
        self._sated_at = 0.0
        self._wants = self._lists = self._in_vain = 0

    def change(self) -> None:
        """Take on the later taste; satiation with the earlier one stays."""
        self.taste = self._persona.later_taste

    def arrive(self, wants: int) -> None:
        """Begin a session in which so many items are wanted."""
        self._wants, self._lists, self._in_vain = wants, 0, 0

    @property
    def stays(self) -> bool:
        """Whether the user looks at another list: still wants something, and is not out of patience."""
        return self._wants > 0 and self._in_vain < self._manner.patience

    def read(self, items: Sequence[int], at: float) -> ListReading:
        """Read a list of items from the top at event time `at`."""
        looked_at, chosen, enjoyment = [], [], []
        for rank, number in enumerate(items, start=1):
            if self._wants <= 0 or self._rng.random() > rank**-self._manner.position_bias:
                continue
            looked_at.append(number)
            odds = self.log_odds(number, at)
            if self._considers(number) and self._rng.random() < _chance(odds):
                chosen.append(number)
                enjoyment.append(_chance(odds + self._manner.fatigue * self._lists))
                self._take(number, at)
        self._lists += 1
        self._in_vain = 0 if chosen else self._in_vain + 1
        return ListReading(tuple(looked_at), tuple(chosen), tuple(enjoyment))

    def log_odds(self, number: int, at: float) -> float:
        """Return the log-odds that the user takes the item now."""
        catalogue, manner = self._catalogue, self._manner
        described = factors(catalogue, self.chosen, np.array([number]))[0]
        shares = catalogue.shares[number]
        described[MATCH] = shares @ np.log(self.taste / catalogue.common_taste)
        described[CONFORMITY] -= manner.usual
        worth = float(described @ weights_of(manner)) - manner.threshold
        return worth - manner.satiation * float(shares @ self._satiation(at)) - manner.fatigue * self._lists

    def _considers(self, number: int) -> bool:
        return number not in self.chosen or self._rng.random() < self._manner.repeats

    def _take(self, number: int, at: float) -> None:
        self._sated = self._satiation(at) + self._catalogue.shares[number]
        self._sated_at = at
        self.chosen.append(number)
        self._wants -= 1

    def _satiation(self, at: float) -> Doubles:
        """Return how sated the user is with each category, in recent choices: float64 `[categories]`."""
        sated: Doubles = self._sated * 0.5 ** (max(0.0, at - self._sated_at) / SATIATION_HALF_LIFE)
        return sated


def draw_personas(population: Population, size: int, rng: np.random.Generator) -> list[Persona]:
    """Return so many personas: each has one person's taste, and may change to that of another."""
    tastes = population.tastes
    first, later = rng.integers(len(tastes), size=(2, size))
    return [Persona(tastes[one], tastes[other]) for one, other in zip(first, later, strict=True)]


def _chance(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))
