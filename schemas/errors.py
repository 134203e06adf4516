"""The exceptions of the project.

LifelongError
├── DecodeError        a record is not what its topic promises      → dead letter
├── StoreUnavailable   a store does not answer                      → pause, retry
├── StoreRefused       a store answers that it will never take it   → dead letter
├── RankerUnavailable  the model server does not answer in time     → numpy twin, the list says so
├── Fenced             another worker owns the partition now        → drop what was decided
│   └── StoreWentBack  the store holds less than was written to it → begin anew, from where the store stands
├── WentBack           the store or the log is not what it was       → begin anew
└── IncompatibleSchema a published schema would break its readers   → refuse to publish
"""

from __future__ import annotations

from typing import Literal

ReasonCode = Literal[
    "empty",
    "too-large",
    "not-json",
    "invalid",
    "absurd-time",
    "unknown-topic",
    "wrong-key",
    "refused",
    "handler-error",
    "crashed",
]


class LifelongError(Exception):
    """The root of the project's own exceptions."""


class DecodeError(LifelongError):
    """A record is not what its topic promises; `reason` is for machines, the message for people."""

    def __init__(self, reason: ReasonCode, message: str) -> None:
        super().__init__(message)
        self.reason: ReasonCode = reason


class StoreUnavailable(LifelongError):
    """A store does not answer; nothing was written, the same call may be made again."""


class StoreRefused(LifelongError):
    """A store answers, and will never take this value: asking again changes nothing."""


class RankerUnavailable(LifelongError):
    """The model server did not answer in time; the caller ranks by the numpy twin and says so."""


class Fenced(LifelongError):
    """Another worker has taken over the partition: what was decided here must not be written."""


class StoreRewound(Fenced):
    """The state store holds less than its owner has written: it was wiped, cut, or replaced by an older copy."""


class Rewound(LifelongError):
    """The state store holds less than was written to it: it was restored or rebuilt from an older point."""


class IncompatibleSchema(LifelongError):
    """A message type changed in a way that breaks those who read or write it."""
