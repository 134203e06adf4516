"""Exams as examples: what the person took, among a sample of the candidates of just before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.utility import attention
from inference.query import Ranking
from schemas.ranking_log import Choice
from schemas.topics import RANKING_LOG
from streams.records import Message
from streams.step import Exam

HARD = 12
"""How many of the best-ranked candidates an example keeps."""
ROWS = 32
"""How many candidates it keeps in all; the rest are drawn at random, by a seed that the example's id gives."""


def choice_message(exam: Exam, ranking: Ranking) -> Message:
    """The exam's result for the ranking log; without features if the choice was no candidate: nothing to learn."""
    rows = _sample(exam, ranking) if ranking.chosen is not None else np.empty(0, dtype=np.intp)
    features = np.ascontiguousarray(ranking.features[rows], dtype="<f4") if len(rows) else None
    choice = Choice(
        entry_id=exam.entry_id,
        user_id=exam.query.user.user_id,
        event_time=exam.event.event_time,
        event_id=exam.event.event_id,
        item_id=exam.event.item_id,
        table=ranking.table,
        items=tuple(ranking.items[row] for row in rows),
        features=features.tobytes() if features is not None else b"",
        chosen=0 if len(rows) else None,
        rank=ranking.rank,
        seen_before=exam.seen_before,
        model_version=ranking.model_version,
        weight=attention(exam.event),
    )
    return Message(RANKING_LOG, choice.user_id, choice)


def _sample(exam: Exam, ranking: Ranking) -> NDArray[np.intp]:
    """Rows of the example: the choice first, then the hardest others, then random ones."""
    chosen = np.array([ranking.chosen], dtype=np.intp)
    best = [placed.row for placed in ranking.slate[:HARD] if placed.row >= 0]
    hard = np.array([row for row in best if row != ranking.chosen], dtype=np.intp)
    rest = np.setdiff1d(np.arange(len(ranking.items)), np.append(hard, chosen))
    rng = np.random.default_rng(int(exam.entry_id, 16))
    drawn = rng.permutation(rest)[: ROWS - 1 - len(hard)]
    return np.concatenate([chosen, hard, drawn])
