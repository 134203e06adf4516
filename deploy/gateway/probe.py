"""Whether the servers answer that events need, asked in the background: a request for readiness waits for none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Thread

EVERY_SECONDS = 1.0
WITHIN_SECONDS = 1.0
UNKNOWN = "not asked yet"

Check = Callable[[], str]
"""Empty if a server answers as it should, else what is wrong; may block for as long as it likes."""


class Probe:
    """Asks each server again and again, each in a thread of its own, so that one that hangs hides no other.

    A server that takes longer than `within` to answer counts as one that does not, until it does. `clock` counts
    seconds from anywhere.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        clock: Callable[[], float],
        every: float = EVERY_SECONDS,
        within: float = WITHIN_SECONDS,
    ) -> None:
        self._asked = {name: _Asked(check, clock, within) for name, check in checks.items()}
        self._every = every
        self._told = Event()
        self._threads = [
            Thread(target=self._run, args=(asked,), name=f"probe-{name}", daemon=True)
            for name, asked in self._asked.items()
        ]

    def start(self) -> None:
        """Begin to ask. Once."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ask no more; a question that is open is left to itself."""
        self._told.set()

    def problems(self) -> dict[str, str]:
        """What is wrong now, by server; empty if all of them answered in time when they were asked last."""
        found = {name: asked.problem() for name, asked in self._asked.items()}
        return {name: problem for name, problem in found.items() if problem}

    def _run(self, asked: _Asked) -> None:
        while not self._told.is_set():
            asked.ask()
            self._told.wait(self._every)


class _Asked:
    """One server: its last answer, and since when the next one is waited for."""

    def __init__(self, check: Check, clock: Callable[[], float], within: float) -> None:
        self._check = check
        self._clock = clock
        self._within = within
        self._since: float | None = None
        self._last = UNKNOWN

    def ask(self) -> None:
        begun = self._since = self._clock()
        said = self._check()
        took = self._clock() - begun
        self._last = said or (f"answered after {took:.1f} s" if took > self._within else "")
        self._since = None

    def problem(self) -> str:
        since = self._since
        waited = self._clock() - since if since is not None else 0.0
        return self._last or (f"no answer for {waited:.1f} s" if waited > self._within else "")
