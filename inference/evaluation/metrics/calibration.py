"""Calibration: whether events that the ranker predicts with 30 % happen in 30 % of the cases."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

BINS = 10


class Bin(Struct, frozen=True):
    """Events of about the same predicted probability: its mean, the observed share, and the number of events."""

    predicted: float
    observed: float
    events: int


class Calibration(Struct, frozen=True):
    """`error` is the mean distance of predicted and observed over the bins, each weighed by its events."""

    error: float
    bins: tuple[Bin, ...]


def calibration(predicted: NDArray[np.float32], came_true: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """Expected calibration error (Guo et al., ICML 2017), in bins of equally many events (Nguyen and O'Connor, 2015).

    >>> even = calibration(np.full(4, 0.5, np.float32), np.array([True, False, True, False]), bins=1)
    >>> even.error, even.bins
    (0.0, (Bin(predicted=0.5, observed=0.5, events=4),))
    """
    if not len(predicted):
        return Calibration(0.0, ())
    order = np.argsort(predicted, kind="stable")
    filled = tuple(
        Bin(float(predicted[part].mean()), float(came_true[part].mean()), len(part))
        for part in np.array_split(order, min(bins, len(order)))
    )
    error = sum(abs(part.predicted - part.observed) * part.events for part in filled) / len(predicted)
    return Calibration(float(error), filled)
