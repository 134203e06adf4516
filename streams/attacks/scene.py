"""The scene of an attack: what an attacker knows of the log, and which items the crowd pushes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct

from schemas.event_kinds import is_choice
from schemas.ids import ItemId
from schemas.interactions import Interaction, Rating
from schemas.items import Item

Target = Literal["obscure", "unknown"]
OBSCURE_CHOICES = 3
"""An item with at most so many choices is obscure."""
MADE_UP = ItemId("made-up-item")
"""The unknown target of a log whose catalogue has no item without a choice."""


class Scene(Struct, frozen=True, kw_only=True):
    """The log as of `at`, the event time at which the crowd begins.

    `popular` are the chosen items, the most chosen first; `means` their mean ratings and `best_value` the highest
    rating, none where nothing is rated. `segment` are items of the obscure target's categories, the most chosen first;
    without a catalogue, the most chosen items. `targets` are the pushed items: an obscure one, and one that nobody has
    chosen.
    """

    at: float
    users: int
    popular: tuple[ItemId, ...]
    means: dict[ItemId, float]
    best_value: float | None
    segment: tuple[ItemId, ...]
    targets: dict[Target, ItemId]


def scene_of(events: Sequence[Interaction], items: Sequence[Item], at: float, *, seed: int) -> Scene:
    """Return the scene after these events; the targets are drawn by the seed."""
    counts, ratings = Counter[ItemId](), defaultdict[ItemId, list[float]](list)
    for event in events:
        if is_choice(event):
            counts[event.item_id] += 1
        if isinstance(event, Rating):
            ratings[event.item_id].append(event.value)
    popular = tuple(sorted(counts, key=lambda item: (-counts[item], item)))
    targets = _targets(counts, items, at, np.random.default_rng(seed))
    return Scene(
        at=at,
        users=len({event.user_id for event in events}),
        popular=popular,
        means={item: float(np.mean(values)) for item, values in ratings.items()},
        best_value=max((max(values) for values in ratings.values()), default=None),
        segment=_segment(popular, items, targets["obscure"]),
        targets=targets,
    )


def _targets(
    counts: Counter[ItemId], items: Sequence[Item], at: float, rng: np.random.Generator
) -> dict[Target, ItemId]:
    obscure = sorted(item for item, count in counts.items() if count <= OBSCURE_CHOICES) or sorted(counts)
    unknown = sorted(item.item_id for item in items if item.item_id not in counts and _is_open(item, at))
    return {
        "obscure": obscure[int(rng.integers(len(obscure)))],
        "unknown": unknown[int(rng.integers(len(unknown)))] if unknown else MADE_UP,
    }


def _is_open(item: Item, at: float) -> bool:
    return (item.available_from or 0.0) <= at and item.available_until is None


def _segment(popular: Sequence[ItemId], items: Sequence[Item], target: ItemId) -> tuple[ItemId, ...]:
    categories = {item.item_id: set(item.categories) for item in items}
    wanted = categories.get(target, set())
    return tuple(item for item in popular if item != target and wanted & categories.get(item, set())) or tuple(popular)
