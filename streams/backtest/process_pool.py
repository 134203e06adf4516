"""A process pool: tasks in processes of their own, at most so many at once, that report their progress."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal, TypeVar

from msgspec import Struct
from threadpoolctl import threadpool_limits

from schemas.errors import LifelongError

Result = TypeVar("Result")


class PoolProgress(Struct, frozen=True):
    """The progress of one task; `note` says in a few words what it does or has achieved."""

    name: str
    done: int
    total: int
    note: str = ""


ReportProgress = Callable[[PoolProgress], None]


class WorkDied(LifelongError):
    """A process ended before its task; its output on the terminal says why."""


def in_processes(
    names: Sequence[str],
    work: Callable[[str, ReportProgress], Result],
    *,
    jobs: int,
    tell: ReportProgress = lambda step: None,
    start: Literal["spawn", "fork"] = "spawn",
) -> dict[str, Result]:
    """`work(name, tell)` for each name, in the order of `names`; at most `jobs` at once, one thread each.

    `work` and what it returns are pickled; with "fork" `work` is not, and goes on from this process's state. No process
    is left running, however this ends.

    Raises:
        WorkDied: a process ended early, by an error or out of memory.
    """
    pool = _ProcessPool(work, tell, start)
    waiting, results = deque(names), dict[str, Result]()
    try:
        while waiting or pool.running:
            while waiting and len(pool.running) < jobs:
                pool.start(waiting.popleft())
            results |= pool.receive()
    finally:
        pool.end()
    return {name: results[name] for name in names}


class _ProcessPool:
    """The running processes, by the connection from which their reports are received."""

    def __init__(
        self, work: Callable[[str, ReportProgress], Any], tell: ReportProgress, start: Literal["spawn", "fork"]
    ) -> None:
        self._work, self._tell = work, tell
        self._context: Any = get_context(start)
        self.running: dict[Connection, tuple[str, BaseProcess]] = {}

    def start(self, name: str) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        process: BaseProcess = self._context.Process(target=_run, args=(self._work, name, sender), daemon=True)
        process.start()
        sender.close()
        self.running[receiver] = (name, process)

    def receive(self) -> dict[str, Any]:
        """Wait for reports; returns the results of finished tasks by name."""
        results = {}
        ready = wait(list(self.running))
        for receiver in [connection for connection in self.running if connection in ready]:
            name, process = self.running[receiver]
            try:
                report = receiver.recv()
            except EOFError:
                process.join()
                raise WorkDied(f"{name!r} ended with exit code {process.exitcode!r}") from None
            if isinstance(report, PoolProgress):
                self._tell(report)
                continue
            results[name] = report[0]
            del self.running[receiver]
            process.join()
        return results

    def end(self) -> None:
        for _, process in self.running.values():
            process.terminate()
            process.join()


def _run(work: Callable[[str, ReportProgress], Any], name: str, sender: Connection) -> None:
    with threadpool_limits(1):
        sender.send((work(name, sender.send),))
