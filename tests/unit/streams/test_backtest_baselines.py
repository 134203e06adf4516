"""The simple baselines on real events, and in a process of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deploy.demo.movielens import movielens
from deploy.embedded.environment import user_cache_dir
from deploy.importing import Refused, read_events
from inference.evaluation.baselines.evaluator import BaselineEvaluator, ChoiceRow
from schemas.interactions import Rating
from streams.backtest.baselines_process import QUEUED_CHUNK_ROWS, BaselinesDied, BaselinesInProcess, BaselinesProcess
from tests.unit.inference.test_evaluation import agree, stream


def movielens_rows(path: Path, limit: int, judged_every: int) -> list[ChoiceRow]:
    events = [event for _, event in read_events(path, {}, now=2e9, refused=Refused(), limit=limit)]
    return [
        ChoiceRow(
            e.user_id,
            e.item_id,
            e.event_time,
            evaluated=at > limit // 5 and not at % judged_every,
            repeats=False,
            without=(),
            basket=at,
            opens=True,
        )
        for at, e in enumerate(events)
        if isinstance(e, Rating)
    ]


@pytest.mark.slow
def test_baselines_on_movielens_equal_a_direct_computation() -> None:
    rows = movielens_rows(movielens(user_cache_dir()).events, 4_000, 37)
    evaluator = BaselineEvaluator()
    evaluator.take(rows)
    agree(rows, evaluator.results().ranks)


def test_another_process_gives_the_same_results() -> None:
    rows = stream(QUEUED_CHUNK_ROWS + 100)
    here, beside = BaselinesInProcess(), BaselinesProcess()
    for row in rows:
        here.add(row)
        beside.add(row)
    local, remote = here.results(), beside.results()
    assert np.array_equal(local.ranks, remote.ranks)
    assert (local.baskets, local.shown) == (remote.baskets, remote.shown)


def test_a_dead_process_raises_an_error() -> None:
    beside = BaselinesProcess()
    beside.close()
    with pytest.raises(BaselinesDied, match="exit code"):
        beside.results()
