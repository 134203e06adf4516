"""Why an item is in the list, in words that its source's evidence carries."""

from __future__ import annotations

import numpy as np

from features.item_neighbours import Floats, Ints
from features.item_table import Doubles, ItemTable
from inference.candidates.source import Source
from inference.person import Person

SEEDS = 8
"""How many of the newest items may be named as the cause."""


def reason(source: Source, number: int, person: Person, table: ItemTable) -> str:
    """What to tell the person. Names the item of theirs that speaks most for this one, where there is one."""
    seed = _seed(source.name, number, person, table)
    if seed is None:
        return source.reason
    title = table.title(table.ids[seed]) or table.ids[seed]
    return f"{source.reason}: {title}"


def _seed(source: str, number: int, person: Person, table: ItemTable) -> int | None:
    recent = person.recent[:SEEDS]
    if source == "covisitation":
        weights = _weights(table.covisited.ids[recent], table.covisited.weights[recent], number)
        weights += _weights(table.covisiting.ids[recent], table.covisiting.weights[recent], number)
    elif source == "transitions":
        weights = _weights(table.followed.ids[recent[:3]], table.followed.weights[recent[:3]], number)
    else:
        return None
    strongest = int(weights.argmax()) if len(weights) else 0
    return int(recent[strongest]) if len(weights) and weights[strongest] > 0.0 else None


def _weights(ids: Ints, weights: Floats, number: int) -> Doubles:
    held: Doubles = np.where(ids == number, weights, 0.0).sum(axis=1, dtype=np.float64)
    return held
