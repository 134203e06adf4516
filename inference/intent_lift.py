"""What a user has just shown or asked for gets slots of the next list: its closest candidates are lifted to the top.

The closeness is no column of the ranker. A new column would draw other initial weights for all the others, so that
every list of every deployment would change; and a ranker that has never seen a `look` would have to learn from clicks
what the user has said outright. How many slots an intent gets falls with its weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from inference.items.table import Bools
from inference.ports import Scores
from inference.ranking_context import RankingContext
from inference.signals.columns import Pool
from inference.signals.perceptions import intents_of

INTENT_SHARE = 0.5
"""The share of a slate's slots that a fresh intent gets."""
_STEP = 1e-3
"""The difference in score between lifted candidates, as a share of the range of scores."""


def lift_intents(
    scores: Scores, contexts: Sequence[RankingContext], pool: Pool, votes: NDArray[np.float32], slate_size: int
) -> tuple[Scores, Bools | None]:
    """Return scores in which the candidates closest to each user's intents are above all others, and which were lifted:
    bool `[users, candidates]`, none if nobody has an intent that counts.

    `votes` float32 `[users, candidates]` are those of `PERCEPTION_SOURCE`: higher is closer, 0 is not close at all.
    """
    if not votes.any():
        return scores, None
    values, lifted = scores.values.copy(), np.zeros(votes.shape, np.bool_)
    for row, context in enumerate(contexts):
        weights = [weight for _, weight in intents_of(context)]
        slots = round(INTENT_SHARE * slate_size * max(weights, default=0.0))
        closest = np.argsort(-votes[row], kind="stable")[:slots]
        closest = closest[votes[row, closest] > 0.0]
        if len(closest):
            known = values[row, pool.mask[row]]
            top, spread = known.max(), max(float(np.ptp(known)), 1e-3)
            values[row, closest] = top + _STEP * spread * np.arange(len(closest), 0, -1, dtype=np.float32)
            lifted[row, closest] = True
    return replace(scores, values=values), lifted
