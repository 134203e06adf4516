"""The stack that is measured: a temporary one of its own, or the one that the settings name."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.bench.measure.usage import BENCH
from deploy.bench.profile.traceable import MODULE
from deploy.embedded.endpoints import with_engine
from deploy.embedded.stack import Stack
from deploy.settings import Settings, load_settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class BenchTarget:
    """A running stack, its settings, a folder for files of the measurement, and how to tell what happens.

    Of a `temporary` stack the worker may be restarted.
    """

    stack: Stack
    settings: Settings
    folder: Path
    temporary: bool
    say: Say

    def pids(self) -> dict[str, int]:
        """Return the processes of the stack that run on this machine, and the benchmark's own."""
        return self.stack.pids() | {BENCH: os.getpid()}


@contextmanager
def target(say: Say, *, here: bool, profile: bool = False, engine: str | None = None) -> Iterator[BenchTarget]:
    """Yield the stack that the settings name, or a temporary one with this engine, which is stopped afterwards."""
    base = load_settings(with_endpoints=False)
    with TemporaryDirectory(prefix="lifelong-bench-") as name:
        folder = Path(name)
        if here:
            yield BenchTarget(Stack(base), load_settings(), folder, temporary=False, say=say)
            return
        temporary = with_engine(base, engine).model_copy(update={"data_dir": folder})
        stack = Stack(temporary, module=MODULE) if profile else Stack(temporary)
        say("starting a temporary stack")
        # A terminated benchmark leaves no stack behind.
        signal.signal(signal.SIGTERM, _end)
        try:
            stack.up(lambda name, state: None, programs=True)
            yield BenchTarget(stack, stack.settings(), folder, temporary=True, say=say)
        finally:
            stack.down()


def _end(signum: int, frame: object) -> None:
    """End the process in good order, so that what it started is stopped."""
    sys.exit(128 + signum)
