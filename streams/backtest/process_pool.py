"""Pieces of work in processes of their own, as many at once as are allowed, each telling how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from msgspec import Struct
from threadpoolctl import threadpool_limits

from schemas.errors import LifelongError

Found = TypeVar("Found")


class PoolProgress(Struct, frozen=True):
    """How far one piece is; `note` says in a few words what it is doing, or what has come of it."""

    name: str
    done: int
    total: int
    note: str = ""


ReportProgress = Callable[[PoolProgress], None]


class WorkDied(LifelongError):
    """A process ended before its work was done; what it wrote to the terminal says why."""


def in_processes(
    names: Sequence[str],
    work: Callable[[str, ReportProgress], Found],
    *,
    jobs: int,
    tell: ReportProgress = lambda step: None,
) -> dict[str, Found]:
    """`work(name, tell)` for each name, in the order of `names`; at most `jobs` at once, one thread each.

    `work` and what it returns are pickled. Nothing is left running, however this ends.

    Raises:
        WorkDied: a process ended early, by an error or for want of memory.
    """
    pool = _ProcessPool(work, tell)
    waiting, found = deque(names), dict[str, Found]()
    try:
        while waiting or pool.running:
            while waiting and len(pool.running) < jobs:
                pool.start(waiting.popleft())
            found |= pool.listen()
    finally:
        pool.end()
    return {name: found[name] for name in names}


class _ProcessPool:
    """The processes that work now, by the end of the pipe that each is heard on."""

    def __init__(self, work: Callable[[str, ReportProgress], Any], tell: ReportProgress) -> None:
        self._work, self._tell = work, tell
        self.running: dict[Connection, tuple[str, SpawnProcess]] = {}

    def start(self, name: str) -> None:
        context = get_context("spawn")
        heard, told = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(self._work, name, told), daemon=True)
        process.start()
        told.close()
        self.running[heard] = (name, process)

    def listen(self) -> dict[str, Any]:
        """Wait until somebody says something; what has been finished."""
        found = {}
        ready = wait(list(self.running))
        for heard in [one for one in self.running if one in ready]:
            name, process = self.running[heard]
            try:
                said = heard.recv()
            except EOFError:
                process.join()
                raise WorkDied(f"{name!r} ended with exit code {process.exitcode!r}") from None
            if isinstance(said, PoolProgress):
                self._tell(said)
                continue
            found[name] = said[0]
            del self.running[heard]
            process.join()
        return found

    def end(self) -> None:
        for _, process in self.running.values():
            process.terminate()
            process.join()


def _run(work: Callable[[str, ReportProgress], Any], name: str, told: Connection) -> None:
    with threadpool_limits(1):
        told.send((work(name, told.send),))
