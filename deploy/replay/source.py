"""Where the events of a replay come from: a file, or a topic of the configured Kafka."""

from __future__ import annotations

from pathlib import Path

from deploy.importing import Refused, parse_map, read_events, read_items
from deploy.replay.plan import Log


def from_file(events: Path, items: Path | None, columns: str, *, limit: int | None, now: float) -> Log:
    """The log in a file, in event-time order, ties in the order of the file.

    Raises:
        UnreadableFile: it is of no kind that can be read, or lacks a column.
    """
    refused = Refused()
    found = read_events(events, parse_map(columns), now=now, refused=refused, limit=limit)
    rows = len(found) + sum(refused.reasons.values())
    wrong_items = Refused()
    catalogue = list(read_items(items, now=now, refused=wrong_items)) if items is not None else []
    reasons = refused.reasons.copy()
    for reason, count in wrong_items.reasons.items():
        reasons[f"of the catalogue: {reason}"] += count
    return Log(name=events.name, rows=rows, events=found, items=catalogue, refused=reasons)
