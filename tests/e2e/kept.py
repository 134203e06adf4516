"""Our processes, started again when they end: as the supervisor of `lifelong up` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from features.ports import StateStore
from streams.state.partition_store import ITEMS, PEOPLE
from streams.state.rebuild import differences
from tests.e2e.system import System, wait_until


class Kept:
    """Programs of a system, by default its worker and the owner of item statistics; `restarts` counts how often each
    was started again.
    """

    def __init__(self, system: System, names: Sequence[str] = ("statistics", "worker")) -> None:
        self._system = system
        self._running = {name: system.start(name) for name in names}
        self.restarts: Counter[str] = Counter()

    def look(self) -> None:
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                self.restarts[name] += 1
                self._running[name] = self._system.start(name)

    def wait_applied(self, *, seconds: float = 60.0) -> None:
        """Until everything is applied, by whoever runs by then."""
        wait_until(self._is_applied, seconds=seconds, what="all records applied")

    def _is_applied(self) -> bool:
        self.look()
        return self._system._surely_applied()

    def wait_undisturbed(self, *, seconds: float = 60.0) -> None:
        """Until what is stored is what the log says."""
        self.wait_applied(seconds=seconds)
        people, items = self._system.undisturbed()
        assert differences(self._system.store, people, PEOPLE, 4) == []
        assert counts(self._system.store) == counts(items)


def counts(items: StateStore) -> dict[str, int]:
    """How often each item was chosen, by the rows of a store."""
    from streams.handlers.on_item_deltas import FOLDED_OFFSETS_KEY, unpack_row

    states = {key: state for partition in range(4) for key, state in items.scan(ITEMS, partition)}
    return {key: unpack_row(state).count for key, state in states.items() if key != FOLDED_OFFSETS_KEY}
