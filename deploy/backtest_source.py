"""The source of a backtest's events: a file, or a topic of the configured Kafka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from deploy.clients import make_cluster
from deploy.files.checking import LoadedFile
from deploy.files.errors import Refusal
from deploy.files.report import FileReport
from deploy.settings import Settings
from schemas.errors import DecodeError
from schemas.interactions import Interaction
from schemas.items import Item
from schemas.topics import INTERACTIONS, ITEMS
from streams.backtest.config import EventLog
from streams.log.dead_letters import open_record
from streams.log.kafka_client import KafkaTableReader
from streams.log.records import Inbound
from streams.worker.receive import open_event


def log_of(name: str, loaded: LoadedFile) -> EventLog:
    """Return loaded files as a log."""
    report = loaded.report
    refused = Counter({refusal.reason: refusal.count for refusal in report.reasons})
    if isinstance(report, FileReport) and report.catalogue is not None:
        refused += _of_the_catalogue(report.catalogue.reasons)
    return EventLog(name=name, rows=report.rows, events=loaded.events, items=loaded.items, refused=refused)


def from_topic(
    settings: Settings, topic: str, catalogue: LoadedFile | None, *, limit: int | None, now: float
) -> EventLog:
    """Return the log in a topic, from its beginning to its current end; without a catalogue, items come from `items`.

    Raises:
        SettingsError: no broker is set.
        KafkaRefused: there is no such topic.
    """
    reader = KafkaTableReader(make_cluster(settings), (topic,) if catalogue is not None else (topic, ITEMS))
    try:
        records = reader.catch_up()
    finally:
        reader.close()
    log = from_records([record for record in records if record.topic == topic], topic, limit=limit, now=now)
    if catalogue is not None:
        items, refused_items = catalogue.items, _of_the_catalogue(catalogue.report.reasons)
    else:
        items, refused_items = _newest_items([record for record in records if record.topic == ITEMS], now)
    return EventLog(name=log.name, rows=log.rows, events=log.events, items=items, refused=log.refused + refused_items)


def _of_the_catalogue(reasons: Iterable[Refusal]) -> Counter[str]:
    return Counter({f"of the catalogue: {refusal.reason}": refusal.count for refusal in reasons})


def from_records(records: Iterable[Inbound], name: str, *, limit: int | None, now: float) -> EventLog:
    """Return records of interactions in event-time order, ties in the order of production.

    A record that is not an event is ordered by its timestamp.
    """
    opened = [(record, *_open(record, now)) for record in records]
    keyed = [
        ((event.event_time if event else record.timestamp, record.timestamp, record.partition, record.offset), row)
        for row, (record, event, _) in enumerate(opened)
    ]
    order = [row for _, row in sorted(keyed)][:limit]
    events: list[tuple[int, Interaction]] = []
    refused: Counter[str] = Counter()
    for index, row in enumerate(order):
        _, event, reason = opened[row]
        if event is not None:
            events.append((index, event))
        else:
            refused[reason] += 1
    return EventLog(name=name, rows=len(order), events=events, refused=refused)


def _open(record: Inbound, now: float) -> tuple[Interaction | None, str]:
    """Return the event in a record, decoded as the worker does, or the reason why there is none."""
    try:
        return open_event(record, INTERACTIONS, now=now).event, ""
    except DecodeError as exc:
        return None, f"{exc.reason}: {exc}"[:160]


def _newest_items(records: Sequence[Inbound], now: float) -> tuple[list[Item], Counter[str]]:
    """Return the newest entry of each item, without withdrawn ones, and the refused entries by reason."""
    newest: dict[bytes | None, Inbound] = {record.key: record for record in records}
    items: list[Item] = []
    refused: Counter[str] = Counter()
    for record in newest.values():
        try:
            item: Item | None = open_record(record, now=now)
            items += [item] if item is not None else []
        except DecodeError as exc:
            refused[f"of the catalogue: {exc.reason}: {exc}"[:160]] += 1
    return items, refused
