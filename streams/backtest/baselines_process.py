"""The simple baselines in a process of their own, fed with rows while the backtest runs."""

from __future__ import annotations

import os
import queue
from multiprocessing import get_context
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from inference.evaluation.baselines.evaluator import BaselineEvaluator, BaselineResults, ChoiceRow
from schemas.errors import LifelongError

QUEUED_CHUNK_ROWS = 500
CHUNKS_AHEAD = 200
"""How many chunks may wait for the baselines: beyond that the backtest waits."""
LIVENESS_CHECK_SECONDS = 1.0
"""How often a wait checks that the process is alive."""


class BaselinesDied(LifelongError):
    """The process of the baselines ended before it had answered."""


def _run(rows: Any, results: Any) -> None:
    os.nice(5)
    evaluator = BaselineEvaluator()
    with threadpool_limits(1):
        while chunk := rows.get():
            evaluator.take(chunk)
    results.put(evaluator.results())


class Baselines(Protocol):
    """Evaluates baselines on rows as they are added; `results` waits for the end, `close` cancels."""

    def add(self, row: ChoiceRow) -> None:
        """Add a row."""
        ...

    def results(self) -> BaselineResults:
        """Return the results over all rows. Called once, last."""
        ...

    def close(self) -> None:
        """Stop everything that still runs."""
        ...


class BaselinesInProcess:
    """`Baselines` in this process: for short logs, where starting a process takes longer than the work."""

    def __init__(self) -> None:
        self._evaluator = BaselineEvaluator()

    def add(self, row: ChoiceRow) -> None:
        """See `Baselines`."""
        self._evaluator.take([row])

    def results(self) -> BaselineResults:
        """See `Baselines`."""
        return self._evaluator.results()

    def close(self) -> None:
        """See `Baselines`."""


class RecordedRows:
    """`Baselines` that pass rows on and record them, for the evaluation of other baselines later."""

    def __init__(self, baselines: Baselines) -> None:
        self._baselines = baselines
        self.rows: list[ChoiceRow] = []

    def add(self, row: ChoiceRow) -> None:
        """See `Baselines`."""
        self.rows.append(row)
        self._baselines.add(row)

    def results(self) -> BaselineResults:
        """See `Baselines`."""
        return self._baselines.results()

    def close(self) -> None:
        """See `Baselines`."""
        self._baselines.close()


class NoBaselines:
    """`Baselines` without any baseline: for backtests of Lifelong alone."""

    def add(self, row: ChoiceRow) -> None:
        """See `Baselines`."""

    def results(self) -> BaselineResults:
        """See `Baselines`."""
        return BaselineResults(np.zeros((0, 0), np.int16), {}, {})

    def close(self) -> None:
        """See `Baselines`."""


class BaselinesProcess:
    """`Baselines` in a process of their own, so that they do not slow the backtest."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._rows, self._results = context.Queue(CHUNKS_AHEAD), context.Queue()
        self._process = context.Process(target=_run, args=(self._rows, self._results), daemon=True)
        self._process.start()
        self._chunk: list[ChoiceRow] = []

    def add(self, row: ChoiceRow) -> None:
        """Add a row; waits only when the baselines are far behind.

        Raises:
            BaselinesDied: the process ended, perhaps out of memory.
        """
        self._chunk.append(row)
        if len(self._chunk) == QUEUED_CHUNK_ROWS:
            self._flush()

    def results(self) -> BaselineResults:
        """Wait until every row is evaluated.

        Raises:
            BaselinesDied: the process ended, perhaps out of memory.
        """
        self._flush()
        self._put([])
        while True:
            try:
                results: BaselineResults = self._results.get(timeout=LIVENESS_CHECK_SECONDS)
            except queue.Empty:
                self._check()
            else:
                self._process.join()
                return results

    def close(self) -> None:
        """End the process at once."""
        self._process.terminate()
        self._process.join()

    def _flush(self) -> None:
        if self._chunk:
            self._put(self._chunk)
            self._chunk = []

    def _put(self, chunk: list[ChoiceRow]) -> None:
        while True:
            try:
                self._rows.put(chunk, timeout=LIVENESS_CHECK_SECONDS)
            except queue.Full:
                self._check()
            else:
                return

    def _check(self) -> None:
        if not self._process.is_alive():
            raise BaselinesDied(f"the baselines ended with exit code {self._process.exitcode!r}")
