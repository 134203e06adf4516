"""The floors in a process of their own, fed with rows while ours are played."""

from __future__ import annotations

import os
import queue
from multiprocessing import get_context
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from inference.evaluation.baselines.evaluator import BaselineEvaluator, BaselineResults, ChoiceRow
from schemas.errors import LifelongError

CHUNK = 500
AHEAD = 200
"""How many chunks may wait for the floors: beyond that ours waits."""
PATIENCE_SECONDS = 1.0


class BaselinesDied(LifelongError):
    """The process of the floors ended before it had answered."""


def _run(rows: Any, results: Any) -> None:
    os.nice(5)
    evaluate = BaselineEvaluator()
    with threadpool_limits(1):
        while chunk := rows.get():
            evaluate.take(chunk)
    results.put(evaluate.results())


class Baselines(Protocol):
    """Takes rows as they come; `results` waits for the end, `close` gives up."""

    def add(self, row: ChoiceRow) -> None:
        """One more row."""
        ...

    def results(self) -> BaselineResults:
        """What all rows came to. Called once, last."""
        ...

    def close(self) -> None:
        """Leave nothing running."""
        ...


class BaselinesInProcess:
    """`Baselines` in this process: for short logs, where starting another takes longer than the work."""

    def __init__(self) -> None:
        self._evaluate = BaselineEvaluator()

    def add(self, row: ChoiceRow) -> None:
        """See `Baselines`."""
        self._evaluate.take([row])

    def results(self) -> BaselineResults:
        """See `Baselines`."""
        return self._evaluate.results()

    def close(self) -> None:
        """See `Baselines`."""


class RecordedRows:
    """`Baselines` that pass rows on and keep them, for whoever is judged on them later."""

    def __init__(self, baselines: Baselines) -> None:
        self._floors = baselines
        self.rows: list[ChoiceRow] = []

    def add(self, row: ChoiceRow) -> None:
        """See `Baselines`."""
        self.rows.append(row)
        self._floors.add(row)

    def results(self) -> BaselineResults:
        """See `Baselines`."""
        return self._floors.results()

    def close(self) -> None:
        """See `Baselines`."""
        self._floors.close()


class NoBaselines:
    """`Baselines` that judge nothing: where only ours is wanted."""

    def add(self, row: ChoiceRow) -> None:
        """See `Baselines`."""

    def results(self) -> BaselineResults:
        """See `Baselines`."""
        return BaselineResults(np.zeros((0, 0), np.int16), {}, {})

    def close(self) -> None:
        """See `Baselines`."""


class BaselinesProcess:
    """`Baselines` in a process of their own, so that they take nothing from the time of ours."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._rows, self._results = context.Queue(AHEAD), context.Queue()
        self._process = context.Process(target=_run, args=(self._rows, self._results), daemon=True)
        self._process.start()
        self._chunk: list[ChoiceRow] = []

    def add(self, row: ChoiceRow) -> None:
        """One more row; waits only when the floors are far behind.

        Raises:
            BaselinesDied: the process ended, for want of memory perhaps.
        """
        self._chunk.append(row)
        if len(self._chunk) == CHUNK:
            self._flush()

    def results(self) -> BaselineResults:
        """Wait until every row is judged.

        Raises:
            BaselinesDied: the process ended, for want of memory perhaps.
        """
        self._flush()
        self._put([])
        while True:
            try:
                found: BaselineResults = self._results.get(timeout=PATIENCE_SECONDS)
            except queue.Empty:
                self._check()
            else:
                self._process.join()
                return found

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.terminate()
        self._process.join()

    def _flush(self) -> None:
        if self._chunk:
            self._put(self._chunk)
            self._chunk = []

    def _put(self, chunk: list[ChoiceRow]) -> None:
        while True:
            try:
                self._rows.put(chunk, timeout=PATIENCE_SECONDS)
            except queue.Full:
                self._check()
            else:
                return

    def _check(self) -> None:
        if not self._process.is_alive():
            raise BaselinesDied(f"the floors ended with exit code {self._process.exitcode!r}")
