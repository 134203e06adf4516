"""Learned item factors: what a person's newest items say of every item, and how an item does by itself.

affinity(item) = appeal(item) · direction + lean(item), where the direction is the faded sum of the newest items'
tastes: asymmetric factors, which need nothing per person (Paterek, KDD Cup 2007; Koren, KDD 2008). An item's row holds
its appeal, its taste and its lean, side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 32
WIDTH = 2 * DIMENSIONS + 1
STEPS = 20
"""How many of a person's newest items say where they are heading."""
SPREAD = 0.01
"""How far from nothing appeals begin, before anything is learned of an item."""
FADE = 0.9
"""What one step back weighs against the step after it."""

Floats = NDArray[np.float32]


def fading(steps: int) -> Floats:
    """Weights of the newest items, newest first, `[steps]`, of length 1.

    >>> fading(1).tolist()
    [1.0]
    """
    weights = FADE ** np.arange(steps)
    return (weights / np.sqrt(weights @ weights)).astype(np.float32)


def direction(newest: Floats) -> Floats:
    """Where a person is heading, `[DIMENSIONS]`, by the rows of their newest items, `[steps, WIDTH]`, newest first."""
    if not len(newest):
        return np.zeros(DIMENSIONS, np.float32)
    heading: Floats = fading(len(newest)) @ newest[:, DIMENSIONS:-1]
    return heading


def affinity(rows: Floats, heading: Floats) -> Floats:
    """How far each of these items (`[items, WIDTH]`) lies in that direction: `[items]`."""
    found: Floats = rows[:, :DIMENSIONS] @ heading + rows[:, -1]
    return found
