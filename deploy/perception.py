"""Builds the perceiver from the settings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploy.clients import make_cluster, make_publisher, wall_clock
from deploy.encoders import make_image_encoder, make_text_encoder
from deploy.settings import PerceptionSettings, Settings
from schemas.item_perceptions import ItemPerception
from schemas.items import Item
from schemas.topics import ITEMS
from streams.log.kafka_group import KafkaGroupReader
from streams.log.records import Inbound
from streams.outcomes.to_perceive import ToPerceive
from streams.routes import PERCEIVER_CATALOGUE, PERCEIVER_EVENTS

if TYPE_CHECKING:
    from inference.encoders.ports import Encoder, Picture
    from streams.perceiver.perceive import Perceiving
    from streams.perceiver.process import Perceiver, PerceiverObserver
    from streams.perceiver.sources import PictureSources
    from streams.perceiver.vector_cache import VectorCache

PERCEIVED_AT_ONCE = 32
"""How many items of a file are encoded as one batch."""
_NO_RECORD = Inbound(topic=ITEMS, partition=0, offset=0, key=None, value=None, timestamp=0.0)


def make_picture_sources(perception: PerceptionSettings) -> PictureSources:
    """Return where pictures may come from."""
    from streams.perceiver.sources import PictureSources
    from streams.perceiver.web import WebPictures

    web = WebPictures(
        hosts=frozenset(perception.http_hosts),
        limit=perception.image_bytes_limit,
        seconds=perception.fetch_seconds,
        clock=time.monotonic,
    )
    return PictureSources(limit=perception.image_bytes_limit, web=web, roots=tuple(perception.file_roots))


def make_tools(settings: Settings, text: Encoder[str], image: Encoder[Picture], cache: VectorCache) -> Perceiving:
    """Return what perceiving needs, with these encoders."""
    from streams.perceiver.perceive import Perceiving

    perception = settings.perception
    return Perceiving(
        text=text,
        image=image,
        cache=cache,
        sources=make_picture_sources(perception),
        pixel_limit=perception.image_pixels_limit,
        intent_seconds=perception.intent_hours * 3_600.0,
        clock=wall_clock,
    )


def make_perceiver(settings: Settings, observer: PerceiverObserver) -> Perceiver:
    """Build everything that the perceiver process runs on.

    Raises:
        PackagesMissing: an encoder needs packages that are not installed.
    """
    from deploy.wiring import make_in_flight
    from inference.encoders.ports import tag_of
    from streams.perceiver.process import Perceiver, catalogue_group
    from streams.perceiver.vector_cache import VectorCache

    perception, cluster = settings.perception, make_cluster(settings)
    text, image = make_text_encoder(perception), make_image_encoder(perception)
    tags = [tag_of(text.name, text.version), tag_of(image.name, image.version)]
    folder = settings.data_dir / "perceiver"
    folder.mkdir(parents=True, exist_ok=True)
    cache = VectorCache(folder / f"{settings.topics.prefix}cache.sqlite", tags)
    return Perceiver(
        events=KafkaGroupReader(cluster, tuple(PERCEIVER_EVENTS), group=perception.group),
        items=KafkaGroupReader(cluster, tuple(PERCEIVER_CATALOGUE), group=catalogue_group(perception.group, tags)),
        tools=make_tools(settings, text, image, cache),
        publisher=make_publisher(settings),
        observer=observer,
        clock=wall_clock,
        in_flight=make_in_flight(settings, "perceiver"),
    )


def perceive_items(settings: Settings, items: Sequence[Item]) -> tuple[list[ItemPerception], int]:
    """Return what the perceiver would publish about these items, and how many of their pictures cannot be used; nothing
    is kept.

    Raises:
        PackagesMissing: an encoder needs packages that are not installed.
    """
    from inference.encoders.ports import tag_of
    from streams.perceiver.perceive import perceive
    from streams.perceiver.vector_cache import VectorCache

    perception = settings.perception
    text, image = make_text_encoder(perception), make_image_encoder(perception)
    tags = [tag_of(text.name, text.version), tag_of(image.name, image.version)]
    tools = make_tools(settings, text, image, VectorCache(":memory:", tags))
    found, faults = list[ItemPerception](), 0
    for start in range(0, len(items), PERCEIVED_AT_ONCE):
        batch = [ToPerceive(record=_NO_RECORD, item=item) for item in items[start : start + PERCEIVED_AT_ONCE]]
        perceived = perceive(batch, tools)
        faults += len(perceived.faults)
        found += [message.value for message in perceived.messages if isinstance(message.value, ItemPerception)]
    return found, faults
