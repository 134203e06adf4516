"""Health checks of the servers that events need, run in the background: readiness requests never wait for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Thread

EVERY_SECONDS = 1.0
WITHIN_SECONDS = 1.0
UNKNOWN = "not checked yet"

Check = Callable[[], str]
"""Returns what is wrong with a server, empty if nothing is; may block without a limit."""


class Probe:
    """Checks each server repeatedly, each in a thread of its own, so that one that hangs does not delay the others.

    A server that has not answered within `within` seconds counts as unavailable until it answers. `clock` returns
    monotonic seconds.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        clock: Callable[[], float],
        every: float = EVERY_SECONDS,
        within: float = WITHIN_SECONDS,
    ) -> None:
        self._servers = {name: _CheckedServer(check, clock, within) for name, check in checks.items()}
        self._every = every
        self._stopping = Event()
        self._threads = [
            Thread(target=self._run, args=(server,), name=f"probe-{name}", daemon=True)
            for name, server in self._servers.items()
        ]

    def start(self) -> None:
        """Begin to check. Call once."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop checking; a check that is running is not waited for."""
        self._stopping.set()

    def problems(self) -> dict[str, str]:
        """Return current problems by server; empty if every server passed its last check in time."""
        problems = {name: server.problem() for name, server in self._servers.items()}
        return {name: problem for name, problem in problems.items() if problem}

    def _run(self, server: _CheckedServer) -> None:
        while not self._stopping.is_set():
            server.check()
            self._stopping.wait(self._every)


class _CheckedServer:
    """A server's last result, and since when the running check waits."""

    def __init__(self, check: Check, clock: Callable[[], float], within: float) -> None:
        self._ask = check
        self._clock = clock
        self._within = within
        self._since: float | None = None
        self._last = UNKNOWN

    def check(self) -> None:
        began = self._since = self._clock()
        problem = self._ask()
        elapsed = self._clock() - began
        self._last = problem or (f"answered after {elapsed:.1f} s" if elapsed > self._within else "")
        self._since = None

    def problem(self) -> str:
        since = self._since
        waited = self._clock() - since if since is not None else 0.0
        return self._last or (f"no answer for {waited:.1f} s" if waited > self._within else "")
