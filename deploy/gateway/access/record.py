"""What is known about the access of one request; it travels in the state of the request's scope."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from deploy.gateway.access.callers import Caller

RECORD = "lifelong-access"
"""Where the record is, in the state of a scope."""


@dataclass
class AccessRecord:
    """`caller` once it is known, ids of the users or items that the request concerns, the reason of a refusal, and
    the headers that say what is left of a limit.
    """

    caller: Caller | None = None
    concerns: tuple[str, ...] = ()
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def record_of(scope: Mapping[str, Any]) -> AccessRecord:
    """Return the access record of a request, a new one if it has none yet."""
    state: MutableMapping[str, Any] = scope["state"]
    record = state.get(RECORD)
    if not isinstance(record, AccessRecord):
        record = state[RECORD] = AccessRecord()
    return record
