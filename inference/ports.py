"""What ranking needs from outside: a model that scores. Small real implementations stand beside the servers' ones."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Scores(Struct, frozen=True):
    """`values` is float32 `[users, candidates]`; `degradation` names what stood in for the served model."""

    values: NDArray[np.float32]
    model_version: int
    degradation: str | None = None


class Ranker(Protocol):
    """Scores candidates, higher is better.

    May block up to its time limit; may be called again with the same input (it changes nothing).
    """

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_]) -> Scores:
        """Score `features [users, candidates, features]`; where `mask [users, candidates]` is false, -inf.

        Raises:
            RankerUnavailable: the model did not answer in time.
        """
        ...
