"""How often a supervised process ended by itself, as the supervisor's log tells: a process that flaps is seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.layout import DataLayout

_LINE = re.compile(r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ \w+ (?P<said>.*)$")
_ENDED = re.compile(r"^exited: (?P<name>[\w-]+) \((?P<how>.*?)(; (not )?expected)?\)$")
_SPAWNED = re.compile(r"spawned: '([\w-]+)'")
_BEGAN = re.compile(r"^supervisord started with pid \d+$")


@dataclass(frozen=True)
class Ends:
    """How often a process ended by itself since the supervisor began, and when and how it did last (local time).

    The supervisor starts each again, so this is the number of restarts; a process that was told to stop has none.
    """

    count: int = 0
    last_at: str = ""
    last_how: str = ""


def read_ends(layout: DataLayout) -> dict[str, Ends]:
    """By process; empty where no supervisor has written a log."""
    return ends_of(line for path in _logs(layout) for line in path.read_text(errors="replace").splitlines())


def _logs(layout: DataLayout) -> list[Path]:
    """The log before it was rotated, then the one that is written now."""
    newest = layout.log("supervisor")
    return [path for path in (newest.with_name(f"{newest.name}.1"), newest) if path.is_file()]


def ends_of(lines: Iterable[str]) -> dict[str, Ends]:
    """What the lines of a supervisor's log say of each process, since it began last.

    >>> log = [
    ...     "2026-01-01 10:00:00,000 INFO supervisord started with pid 7",
    ...     "2026-01-01 10:00:02,000 INFO spawned: 'worker' with pid 9",
    ...     "2026-01-01 10:00:09,000 WARN exited: worker (exit status 1; not expected)",
    ...     "2026-01-01 10:01:00,000 WARN stopped: redis (terminated by SIGTERM)",
    ... ]
    >>> ends_of(log)
    {'worker': Ends(count=1, last_at='2026-01-01 10:00:09', last_how='exit status 1')}
    """
    found: dict[str, Ends] = {}
    for line in lines:
        told = _LINE.match(line)
        if told is None:
            continue
        if _BEGAN.match(told["said"]):
            found.clear()
        elif (ended := _ENDED.match(told["said"])) is not None:
            before = found.get(ended["name"], Ends())
            found[ended["name"]] = Ends(before.count + 1, told["at"], ended["how"])
    return found


def watched(data_dir: Path) -> Callable[[], dict[str, int]]:
    """How often each process of this stack ended by itself, whenever it is asked; a log that is as before is not read
    again. Names of processes that never ended are there with 0 once the supervisor has written of them.
    """
    layout = DataLayout.of(data_dir, data_dir)
    known: tuple[list[tuple[int, int]], dict[str, int]] = ([], {})

    def now() -> dict[str, int]:
        nonlocal known
        stamp = [(path.stat().st_size, path.stat().st_mtime_ns) for path in _logs(layout)]
        if stamp != known[0]:
            known = (stamp, counts(read_ends(layout), _spawned(layout)))
        return known[1]

    return now


def _spawned(layout: DataLayout) -> set[str]:
    text = "".join(path.read_text(errors="replace") for path in _logs(layout))
    return set(_SPAWNED.findall(text))


def counts(ends: Mapping[str, Ends], names: Iterable[str]) -> dict[str, int]:
    """How often each of these ended by itself.

    >>> counts({"worker": Ends(2)}, ["worker", "redis"])
    {'worker': 2, 'redis': 0}
    """
    return {name: ends.get(name, Ends()).count for name in names}
