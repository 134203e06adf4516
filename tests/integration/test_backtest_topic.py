"""A backtest of a topic on a real broker."""

from __future__ import annotations

import pytest

from deploy.backtest_source import from_topic
from deploy.clients import make_cluster, make_publisher
from deploy.settings import KafkaSettings, Settings, TopicSettings
from deploy.topics import create_topics
from schemas.codec import encode
from schemas.topics import INTERACTIONS, ITEMS
from streams.log.kafka_admin import KafkaAdmin
from tests.builders import START
from tests.unit.streams.backtest_logs import generated, played

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_a_backtest_of_a_topic_reads_the_events_sent_to_it(kafka_server: KafkaSettings) -> None:
    settings = Settings(kafka=kafka_server, topics=TopicSettings(prefix="replayed."))
    create_topics(settings, KafkaAdmin(make_cluster(settings)))
    source, publisher = generated(120), make_publisher(settings)
    for item in source.items:
        publisher.send(ITEMS, item.item_id, encode(item))
    for _, event in source.events[::-1]:
        publisher.send(INTERACTIONS, event.user_id, encode(event))
    publisher.send(INTERACTIONS, "nobody", b"{}")
    publisher.close()
    log = from_topic(settings, INTERACTIONS, None, limit=None, now=START + 1e8)
    assert {event.event_id for _, event in log.events} == {event.event_id for _, event in source.events}
    assert [event.event_time for _, event in log.events] == [event.event_time for _, event in source.events]
    assert (log.rows, sum(log.refused.values())) == (121, 1)
    assert {item.item_id for item in log.items} == {item.item_id for item in source.items}
    lists, run = played(log)
    assert len(lists.by_index) == len(run.rows) == 108
