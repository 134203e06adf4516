"""The stream clock: the event time that the stream has reached, which no single producer can change.

The state of a user follows their own events. The non-personalised list, and whether an item is available, follow this
clock. If most events lag by less than a day the stream is live, and the clock is wall time, also in a quiet hour. A log
of 2013 that is played today lags by years, and so does the clock. An event with a wrong time is one lag among many, and
does not change their median.
"""

from __future__ import annotations

from collections import deque

LIVE_LAG_SECONDS = 86_400.0
"""A stream that lags by less is live."""
LAG_SAMPLES = 101
"""How many of the newest events the median is taken of."""


class StreamClock:
    """A clock of event time, by the median lag of the newest events.

    >>> live, old = StreamClock(), StreamClock()
    >>> for at in (1e9, 1e9 + 1, 1e9 + 20 * 3_600):
    ...     live.observe(event_time=at, produced=1e9 + 2)
    ...     old.observe(event_time=at, produced=2e9)
    >>> live.now(wall=1e9 + 5) - 1e9, old.now(wall=2e9) - 1e9
    (5.0, 1.0)
    """

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=LAG_SAMPLES)
        self._lag: float | None = 0.0

    def observe(self, *, event_time: float, produced: float) -> None:
        """Observe an event whose record was produced at this wall-clock time."""
        self._lags.append(max(0.0, produced - event_time))
        self._lag = None

    def now(self, wall: float, *, newest_known: float = 0.0) -> float:
        """Return the time that the stream has reached, never ahead of `wall`.

        Before the first event, `newest_known` decides, the newest event time in the item statistics: if it is more than
        a day old, the stream is assumed to go on from there.
        """
        if not self._lags:
            return newest_known if 0.0 < newest_known < wall - LIVE_LAG_SECONDS else wall
        if self._lag is None:
            self._lag = sorted(self._lags)[len(self._lags) // 2]
        return wall - self._lag if self._lag >= LIVE_LAG_SECONDS else wall
