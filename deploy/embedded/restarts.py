"""Counts from the supervisor's log how often each process ended by itself, to detect processes that flap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.layout import DataLayout

_LINE = re.compile(r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ \w+ (?P<message>.*)$")
_ENDED = re.compile(r"^exited: (?P<name>[\w-]+) \((?P<how>.*?)(; (not )?expected)?\)$")
_SPAWNED = re.compile(r"spawned: '([\w-]+)'")
_BEGAN = re.compile(r"^supervisord started with pid \d+$")


@dataclass(frozen=True)
class Ends:
    """How often a process ended by itself since the supervisor started, and when and how it last did (local time).

    The supervisor restarts it each time, so this is the number of restarts; requested stops do not count.
    """

    count: int = 0
    last_at: str = ""
    last_how: str = ""


def read_ends(layout: DataLayout) -> dict[str, Ends]:
    """Return the ends by process; empty where no supervisor has written a log."""
    return ends_of(line for path in _logs(layout) for line in path.read_text(errors="replace").splitlines())


def _logs(layout: DataLayout) -> list[Path]:
    """Return the rotated log, then the current one, as far as they exist."""
    newest = layout.log("supervisor")
    return [path for path in (newest.with_name(f"{newest.name}.1"), newest) if path.is_file()]


def ends_of(lines: Iterable[str]) -> dict[str, Ends]:
    """Return the ends by process in the lines of a supervisor's log, since its last start.

    >>> log = [
    ...     "2026-01-01 10:00:00,000 INFO supervisord started with pid 7",
    ...     "2026-01-01 10:00:02,000 INFO spawned: 'worker' with pid 9",
    ...     "2026-01-01 10:00:09,000 WARN exited: worker (exit status 1; not expected)",
    ...     "2026-01-01 10:01:00,000 WARN stopped: redis (terminated by SIGTERM)",
    ... ]
    >>> ends_of(log)
    {'worker': Ends(count=1, last_at='2026-01-01 10:00:09', last_how='exit status 1')}
    """
    ends: dict[str, Ends] = {}
    for line in lines:
        parsed = _LINE.match(line)
        if parsed is None:
            continue
        if _BEGAN.match(parsed["message"]):
            ends.clear()
        elif (ended := _ENDED.match(parsed["message"])) is not None:
            before = ends.get(ended["name"], Ends())
            ends[ended["name"]] = Ends(before.count + 1, parsed["at"], ended["how"])
    return ends


def watched(data_dir: Path) -> Callable[[], dict[str, int]]:
    """Return a function that counts how often each process of this stack ended by itself.

    It reads a log again only after a change. Processes that never ended have count 0 once the log mentions them.
    """
    layout = DataLayout.of(data_dir, data_dir)
    cached: tuple[list[tuple[int, int]], dict[str, int]] = ([], {})

    def read() -> dict[str, int]:
        nonlocal cached
        stamp = [(path.stat().st_size, path.stat().st_mtime_ns) for path in _logs(layout)]
        if stamp != cached[0]:
            cached = (stamp, counts(read_ends(layout), _spawned(layout)))
        return cached[1]

    return read


def _spawned(layout: DataLayout) -> set[str]:
    text = "".join(path.read_text(errors="replace") for path in _logs(layout))
    return set(_SPAWNED.findall(text))


def counts(ends: Mapping[str, Ends], names: Iterable[str]) -> dict[str, int]:
    """Return how often each of these processes ended by itself.

    >>> counts({"worker": Ends(2)}, ["worker", "redis"])
    {'worker': 2, 'redis': 0}
    """
    return {name: ends.get(name, Ends()).count for name in names}
