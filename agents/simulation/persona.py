"""Who a simulated user is, and what a whole population has in common."""

from __future__ import annotations

from msgspec import Struct

from agents.simulation.catalogue import Doubles


class Manner(Struct, frozen=True, kw_only=True):
    """How people choose. `match`, `novelty` and `conformity` weigh, in log-odds, how well an item fits the taste, how
    much it differs from the choices just before, and by how much its popularity exceeds the `usual` one of choices;
    `threshold` is what has to be exceeded.

    `repeats` is the chance that an item chosen before is considered again. These are fitted to a log. What a log
    without lists cannot show is assumed: `position_bias` (a rank k is looked at with the chance k^-bias), `patience`
    (so many lists in a row without anything end a session), `fatigue` (log-odds lost with every list of a session), and
    `satiation` (log-odds lost per choice of the same categories, half of it forgotten within a day).
    """

    match: float = 1.0
    novelty: float = 0.0
    conformity: float = 0.3
    usual: float = 0.0
    threshold: float = 1.0
    repeats: float = 0.0
    position_bias: float = 0.5
    patience: int = 3
    fatigue: float = 0.1
    satiation: float = 0.1


class Habits(Struct, frozen=True):
    """How often people come: choices per session, and seconds from one session to the next, as observed."""

    choices: tuple[int, ...] = (1, 2, 3, 5, 8, 13)
    gaps: tuple[float, ...] = (43_200.0, 86_400.0, 172_800.0)


class Persona(Struct, frozen=True):
    """A simulated user: a taste (share of each category, float64 `[categories]`), and the one it changes to."""

    taste: Doubles
    later_taste: Doubles


class Population(Struct, frozen=True, kw_only=True):
    """What simulated users are drawn from."""

    manner: Manner
    habits: Habits
    tastes: tuple[Doubles, ...]
    is_fitted: bool
