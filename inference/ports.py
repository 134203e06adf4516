"""What ranking needs from outside: a model that scores. Small real implementations stand beside the servers' ones."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Split(Struct, frozen=True, kw_only=True):
    """A batch that several lineages' weights score, in one call. `variants` names them; "" is the champion's.

    Row u is scored by `lineages[own[u]]` (`own` int32 `[users]`). The rows `prequential_queries` (int32 `[exams]`) are
    scored by every lineage beside that, which changes nothing about the other scores.
    """

    variants: tuple[str, ...]
    own: NDArray[np.int32]
    prequential_queries: NDArray[np.int32]


class Scores(Struct, frozen=True):
    """`values` is float32 `[users, candidates]`; `degradation` names what stood in for the served model.

    Of a split batch, `prequential_queries` is float32 `[lineages, exams, candidates]`, none without exams, and `absent`
    names the lineages whose weights are not there: the champion's scored in their place.
    """

    values: NDArray[np.float32]
    model_version: int
    degradation: str | None = None
    prequential_queries: NDArray[np.float32] | None = None
    absent: tuple[str, ...] = ()


class Ranker(Protocol):
    """Scores candidates, higher is better.

    May block up to its time limit; may be called again with the same input (it changes nothing).
    """

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """Score `features [users, candidates, features]`; where `mask [users, candidates]` is false, -inf.

        Without a `split` all rows are scored by the champion's weights.

        Raises:
            RankerUnavailable: the model did not answer in time.
        """
        ...
