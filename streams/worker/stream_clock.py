"""The time that the stream has reached: a clock that no single producer can move.

What is believed about a person follows their own events. What everybody is shown, and whether an item may be shown yet
or still, follows this clock. Where most events lag by less than a day the stream is live, and the clock is wall time,
also in a quiet hour. A log of 2013 that is played today lags by years, and so does the clock. An event with a wrong
time is one lag among many, and the median does not move for it.
"""

from __future__ import annotations

from collections import deque

DAY = 86_400.0
WINDOW = 101
"""How many of the newest events are asked."""


class StreamClock:
    """Event time as most of the newest events have it.

    >>> live, old = StreamClock(), StreamClock()
    >>> for at in (1e9, 1e9 + 1, 1e9 + 20 * 3_600):
    ...     live.observe(event_time=at, produced=1e9 + 2)
    ...     old.observe(event_time=at, produced=2e9)
    >>> live.now(wall=1e9 + 5) - 1e9, old.now(wall=2e9) - 1e9
    (5.0, 1.0)
    """

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=WINDOW)
        self._lag: float | None = 0.0

    def observe(self, *, event_time: float, produced: float) -> None:
        """An event came, whose record was produced at this time (wall clock)."""
        self._lags.append(max(0.0, produced - event_time))
        self._lag = None

    def now(self, wall: float, *, newest_known: float = 0.0) -> float:
        """The time that the stream has reached, never ahead of `wall`.

        Before any event was seen, `newest_known`, the newest event time in the item statistics, says whether the
        stream is live: if it is more than a day old, the stream is taken to go on from there.
        """
        if not self._lags:
            return newest_known if 0.0 < newest_known < wall - DAY else wall
        if self._lag is None:
            self._lag = sorted(self._lags)[len(self._lags) // 2]
        return wall - self._lag if self._lag >= DAY else wall
