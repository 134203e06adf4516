"""The port of ranking: a model that scores. Each server has a small in-process implementation beside it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Split(Struct, frozen=True, kw_only=True):
    """A batch that several variants' weights score, in one call. `variants` names them; "" is the champion.

    Row u is scored by `variants[own[u]]` (`own` int32 `[users]`). The rows `prequential_queries` (int32 `[prequential
    queries]`) are also scored by every variant, which never changes the other scores.
    """

    variants: tuple[str, ...]
    own: NDArray[np.int32]
    prequential_queries: NDArray[np.int32]


class Scores(Struct, frozen=True):
    """`values` is float32 `[users, candidates]`; `degradation` names the fallback if the served model did not score.

    For a split batch, `prequential_queries` is float32 `[variants, prequential queries, candidates]`, none without such
    queries, and `absent` names the variants whose weights are not loaded: the champion's score instead.
    """

    values: NDArray[np.float32]
    model_version: int
    degradation: str | None = None
    prequential_queries: NDArray[np.float32] | None = None
    absent: tuple[str, ...] = ()


class Ranker(Protocol):
    """Scores candidates, higher is better.

    May block up to its time limit; may be called again with the same input (it has no side effect).
    """

    def score(self, features: NDArray[np.float32], mask: NDArray[np.bool_], split: Split | None = None) -> Scores:
        """Score `features [users, candidates, features]`; where `mask [users, candidates]` is false, -inf.

        Without a `split` all rows are scored by the champion's weights.

        Raises:
            RankerUnavailable: the model did not answer in time.
        """
        ...
