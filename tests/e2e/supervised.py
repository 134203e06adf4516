"""Supervised processes: restarted when they end, as the supervisor of `lifelong up` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from features.ports import StateStore
from streams.state.partition_store import ITEMS, PEOPLE
from streams.state.rebuild import differences
from tests.e2e.system import System, wait_until


class Supervised:
    """Programs of a system, by default worker and item-statistics aggregator; `restarts` counts restarts of each."""

    def __init__(self, system: System, names: Sequence[str] = ("statistics", "worker")) -> None:
        self._system = system
        self._running = {name: system.start(name) for name in names}
        self.restarts: Counter[str] = Counter()

    def restart_ended(self) -> None:
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                self.restarts[name] += 1
                self._running[name] = self._system.start(name)

    def wait_applied(self, *, seconds: float = 60.0) -> None:
        """Wait until every record is applied, whatever restarts it takes."""
        wait_until(self._is_applied, seconds=seconds, what="all records applied")

    def _is_applied(self) -> bool:
        self.restart_ended()
        return self._system._is_applied_for_sure()

    def wait_undisturbed(self, *, seconds: float = 60.0) -> None:
        """Wait until every record is applied, and check that the stored states equal a rebuild from the log."""
        self.wait_applied(seconds=seconds)
        users, items = self._system.undisturbed()
        assert differences(self._system.store, users, PEOPLE, 4) == []
        assert counts(self._system.store) == counts(items)


def counts(items: StateStore) -> dict[str, int]:
    """Return how often each item was chosen, by the rows of a store."""
    from streams.handlers.on_item_deltas import FOLDED_OFFSETS_KEY, unpack_row

    states = {key: state for partition in range(4) for key, state in items.scan(ITEMS, partition)}
    return {key: unpack_row(state).count for key, state in states.items() if key != FOLDED_OFFSETS_KEY}
