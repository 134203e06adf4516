"""`recommendations`: a list was published. The gateway serves the newest of each user."""

from __future__ import annotations

from schemas.errors import DecodeError
from schemas.ids import DEFAULT_USER
from schemas.recommendations import Recommendation
from streams.log.dead_letters import open_record
from streams.log.records import Inbound
from streams.outcomes.view_update import ListUpdate


def view_recommendation(record: Inbound, *, now: float, caught_up: bool) -> ListUpdate:
    """Return the list to serve from now on.

    Until the topic was read to its end lists are not decoded, so that a gateway of many users starts soon. The
    non-personalised list is, as it tells how far the stream is behind wall time.

    Raises:
        DecodeError: the record is no list, or its key is not that of its user.
    """
    try:
        user = (record.key or b"").decode()
    except UnicodeDecodeError as exc:
        raise DecodeError("wrong-key", str(exc)) from exc
    if not record.value or not (caught_up or user == DEFAULT_USER):
        return ListUpdate(user, record.value)
    recommendation: Recommendation = open_record(record, now=now)
    if user != DEFAULT_USER:
        return ListUpdate(user, record.value)
    event_time = recommendation.event_time
    return ListUpdate(user, record.value, lag=max(0.0, recommendation.stages.get("received", event_time) - event_time))
