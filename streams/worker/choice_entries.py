"""Ranking-log entries of choices: the chosen item among a sample of the candidates of just before the choice."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from features.implicit_feedback import feedback_weight
from features.item_factors import FACTOR_HISTORY
from features.user_state import newest_choices
from inference.learning.sampling import sample
from inference.query import Assigned, Ranking
from schemas.ranking_log import Choice
from schemas.topics import RANKING_LOG
from streams.log.records import Message
from streams.outcomes.record_outcome import PrequentialQuery


def choice_message(prequential: PrequentialQuery, ranking: Ranking) -> Message:
    """Return the ranking-log entry of a prequential query.

    It has no features if the choice was no candidate: there is nothing to learn then.
    """
    rows = sample(ranking, int(prequential.entry_id, 16))
    features = np.ascontiguousarray(ranking.features[rows], dtype="<f4") if len(rows) else None
    choice = Choice(
        entry_id=prequential.entry_id,
        user_id=prequential.record.user.user_id,
        event_time=prequential.event.event_time,
        event_id=prequential.event.event_id,
        item_id=prequential.event.item_id,
        table=ranking.table,
        items=tuple(ranking.items[row] for row in rows),
        features=features.tobytes() if features is not None else b"",
        chosen=0 if len(rows) else None,
        rank=ranking.rank,
        seen_before=prequential.seen_before,
        model_version=ranking.model_version,
        weight=feedback_weight(prequential.event),
        newest=newest_choices(prequential.record.user, FACTOR_HISTORY) if len(rows) else (),
    )
    return Message(RANKING_LOG, choice.user_id, _in_arm(choice, prequential, ranking.assigned))


def _in_arm(choice: Choice, prequential: PrequentialQuery, assigned: Assigned | None) -> Choice:
    """Return the choice with its arm of the experiment, if there is one."""
    if assigned is None:
        return choice
    return replace(
        choice,
        experiment=assigned.experiment,
        arm=assigned.arm,
        ranks=assigned.ranks,
        list_id=prequential.event.list_id,
    )
