"""The log that a command replays, read from the files that its options name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.cli.files import read_and_show
from deploy.embedded.environment import user_cache_dir
from deploy.embedded.kernels import kernel_cache

if TYPE_CHECKING:
    from deploy.files.options import Typed
    from streams.backtest.config import EventLog

EVENTS_WORTH_COMPILING = 4_000
"""Shorter logs are replayed sooner than compiled kernels are loaded."""


def read_log(typed: Typed) -> EventLog:
    """Return the log of a file of events, and show on standard error how it was read.

    Raises:
        UnreadableFile: the files cannot be read, or hold nothing usable.
    """
    from deploy.backtest_source import log_of

    assert typed.events is not None
    return log_of(typed.events.name, read_and_show(typed)[1])


def compile_for(log: EventLog) -> None:
    """Rank with compiled kernels in this process, and those that are forked from it, if the log is worth it."""
    from inference.kernels.compiler import compile_kernels

    if len(log.events) >= EVENTS_WORTH_COMPILING:
        compile_kernels(kernel_cache(user_cache_dir()))
