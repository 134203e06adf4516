"""A program of Lifelong with a built-in fault: `python -m tests.e2e.dying HOW PROGRAM` ends on records with the marker.

It ends outside the guard around handlers, by an exception or without any notice.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from streams.log.records import Inbound
from streams.routes import PROJECTOR, TRAINER

MARKER = "ends-the-process"
WHERE = {
    "worker": ("streams.worker.receive", "_open"),
    "statistics": ("streams.handlers.on_item_deltas", "open_record"),
}
"""The functions that these programs call with a record that is not set aside."""
ROUTES: dict[str, dict[str, Any]] = {"trainer": TRAINER, "projector": PROJECTOR}
"""The routes of programs that call their handlers with one record at a time."""


def _raise() -> None:
    raise ZeroDivisionError(MARKER)


def _exit() -> None:
    os._exit(3)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


HOW: dict[str, Callable[[], None]] = {"raise": _raise, "exit": _exit, "kill": _kill}


def _faulty(sound: Callable[..., Any], end: Callable[[], None]) -> Callable[..., Any]:
    def handle(record: Inbound, *arguments: Any, **named: Any) -> Any:
        if MARKER.encode() in (record.value or b""):
            end()
        return sound(record, *arguments, **named)

    return handle


def _build_in(program: str, end: Callable[[], None]) -> None:
    if program in ROUTES:
        routes = ROUTES[program]
        routes.update({topic: _faulty(handler, end) for topic, handler in routes.items()})
        return
    module, name = WHERE[program]
    setattr(import_module(module), name, _faulty(getattr(import_module(module), name), end))


if __name__ == "__main__":
    _build_in(sys.argv[2], HOW[sys.argv[1]])
    sys.argv[1:] = sys.argv[2:]
    import_module("deploy.cli.app").main()
