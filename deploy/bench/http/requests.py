"""What the HTTP load sends, and what it saw: exchanged with a process of its own as JSON."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Method = Literal["GET", "POST"]


class RequestPlan(Struct, frozen=True, kw_only=True):
    """Requests of one method for some seconds, each connection's next once its last is answered.

    GET reads lists of `users` users, POST stores clicks of theirs on `items` items.
    """

    url: str
    api_key: str
    method: Method
    connections: int
    seconds: float
    users: int
    items: int


class RequestFigures(Struct, frozen=True, kw_only=True):
    """What was seen; latencies in milliseconds of all answers, none of no answer.

    `statuses`: answers by status, "failed" where there was none. `client_cores`: what the load itself used.
    """

    answered: int
    errors: int
    statuses: dict[str, int]
    requests_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    client_cores: float
