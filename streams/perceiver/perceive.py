"""From items and interactions to what is perceived in them: open, encode as one batch, describe.

A picture that cannot be used costs a dead letter with the reason, and nothing else: the item's text and its other
pictures count, and the item is recommended as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

import numpy as np

from inference.encoders.appearance import fingerprint, main_colours, sharpness
from inference.encoders.pictures import OpenedPicture, open_picture
from inference.encoders.ports import Encoder, Picture, tag_of
from schemas.errors import BadPicture
from schemas.interactions import Look, Review, Search
from schemas.item_perceptions import Embedding, ItemPerception, SeenPicture
from schemas.items import Item
from schemas.perceived_events import PerceivedEvent
from schemas.topics import ITEM_PERCEPTIONS, PERCEIVED_EVENTS
from streams.log.dead_letters import dead_letter
from streams.log.records import Message
from streams.outcomes.to_perceive import ToPerceive
from streams.perceiver.sources import PictureSources
from streams.perceiver.vector_cache import VectorCache

_Content = TypeVar("_Content")
FAULTS_NAMED = 5
"""How many of an item's broken pictures its dead letter names."""


@dataclass(frozen=True)
class Perceiving:
    """What perceiving needs: encoders, the cache of their vectors, where pictures may come from, and its limits.

    What a user showed or asked for counts for `intent_seconds` of event time.
    """

    text: Encoder[str]
    image: Encoder[Picture]
    cache: VectorCache
    sources: PictureSources
    pixel_limit: int
    intent_seconds: float
    clock: Callable[[], float]

    @property
    def text_tag(self) -> str:
        """The tag of the encoder of texts."""
        return tag_of(self.text.name, self.text.version)

    @property
    def image_tag(self) -> str:
        """The tag of the encoder of pictures."""
        return tag_of(self.image.name, self.image.version)


@dataclass
class OpenedContent:
    """A record's text and first picture that can be opened, with the hash of each; `faults` are why others cannot."""

    of: ToPerceive
    text: str = ""
    picture: OpenedPicture | None = None
    picture_hash: str = ""
    faults: list[BadPicture] = field(default_factory=list)

    @property
    def text_hash(self) -> str:
        """The hash of the text."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Perceived:
    """The messages that follow from a batch, and the faults of its pictures, for metrics."""

    messages: tuple[Message, ...]
    faults: tuple[BadPicture, ...]


def perceive(batch: Sequence[ToPerceive], tools: Perceiving) -> Perceived:
    """Return what follows from a batch: perceptions of items, perceived events of users, dead letters of pictures."""
    opened = [open_content(each, tools) for each in batch]
    texts = {each.text_hash: each.text for each in opened if each.text.strip()}
    pictures = {each.picture_hash: each.picture.pixels for each in opened if each.picture is not None}
    by_text = _vectors(tools.cache, tools.text, tools.text_tag, texts)
    by_picture = _vectors(tools.cache, tools.image, tools.image_tag, pictures)
    messages = []
    for each in opened:
        text, image = by_text.get(each.text_hash), by_picture.get(each.picture_hash)
        messages += _messages(each, _embedding(tools.text_tag, text), _embedding(tools.image_tag, image), tools)
    return Perceived(tuple(messages), tuple(fault for each in opened for fault in each.faults))


def open_content(each: ToPerceive, tools: Perceiving) -> OpenedContent:
    """Return the text and the picture of a record; what of its pictures cannot be used is among the faults."""
    opened = OpenedContent(each)
    match each.event:
        case Search():
            opened.text = each.event.query
        case Review():
            opened.text = each.event.text
        case Look():
            _open_first(opened, (each.event.image,), tools.sources.of_user, tools.pixel_limit)
        case None:
            opened.text = text_of_item(each.item) if each.item else ""
            images = each.item.images if each.item else ()
            _open_first(opened, images, tools.sources.of_item, tools.pixel_limit)
    return opened


def text_of_item(item: Item) -> str:
    """Return what is read of an item: its title, its categories and its text, the title first.

    >>> text_of_item(Item(item_id="i", title="A hat", categories=("clothing",), text="It is warm."))
    'A hat. clothing. It is warm.'
    """
    return ". ".join(part for part in (item.title, ", ".join(item.categories), item.text) if part)


def _open_first(opened: OpenedContent, uris: Sequence[str], fetch: Callable[[str], bytes], pixel_limit: int) -> None:
    for uri in uris:
        try:
            content = fetch(uri)
            opened.picture = open_picture(content, pixel_limit=pixel_limit)
        except BadPicture as fault:
            opened.faults.append(fault)
        else:
            opened.picture_hash = sha256(content).hexdigest()
            return


def _vectors(
    cache: VectorCache, encoder: Encoder[_Content], tag: str, by_hash: dict[str, _Content]
) -> dict[str, bytes]:
    """Return the vector of each content, from the cache or else from the encoder."""
    known = cache.vectors(tag, by_hash)
    missing = [content for content in by_hash if content not in known]
    if missing:
        rows = encoder.encode([by_hash[content] for content in missing]).astype("<f2")
        made = {content: row.tobytes() for content, row in zip(missing, rows, strict=True) if np.any(row)}
        cache.keep(tag, made)
        known |= made
    return known


def _embedding(tag: str, vector: bytes | None) -> Embedding | None:
    return None if vector is None else Embedding(encoder=tag, vector=vector)


def _messages(each: OpenedContent, text: Embedding | None, image: Embedding | None, tools: Perceiving) -> list[Message]:
    messages = [_letter(each, tools.clock())] if each.faults else []
    if each.of.withdrawn is not None:
        tools.cache.forget(each.of.withdrawn)
        messages.append(Message(ITEM_PERCEPTIONS, each.of.withdrawn, None))
    if each.of.item is not None:
        messages.append(
            Message(ITEM_PERCEPTIONS, each.of.item.item_id, _perception(each, each.of.item, text, image, tools))
        )
    shown = image or text
    if each.of.event is not None and shown is not None:
        event = each.of.event
        messages.append(Message(PERCEIVED_EVENTS, event.user_id, _perceived(event, shown, tools.intent_seconds)))
    return messages


def _perception(
    each: OpenedContent, item: Item, text: Embedding | None, image: Embedding | None, tools: Perceiving
) -> ItemPerception:
    seen = None if each.picture is None else _seen(each.picture)
    if seen is None:
        tools.cache.forget(item.item_id)
    return ItemPerception(
        item_id=item.item_id,
        content=sha256(f"{each.text_hash}{each.picture_hash}".encode()).hexdigest(),
        text=text,
        image=image,
        picture=seen,
        near_duplicates=tools.cache.near_duplicates(item.item_id, seen.fingerprint) if seen else (),
    )


def _seen(picture: OpenedPicture) -> SeenPicture:
    return SeenPicture(
        width=picture.width,
        height=picture.height,
        colours=main_colours(picture.pixels),
        sharpness=sharpness(picture.pixels),
        fingerprint=fingerprint(picture.pixels),
    )


def _perceived(event: Look | Search | Review, shown: Embedding, intent_seconds: float) -> PerceivedEvent:
    review = event if isinstance(event, Review) else None
    kinds = {Look: "look", Search: "search", Review: "review"}
    return PerceivedEvent(
        event_id=event.event_id,
        user_id=event.user_id,
        event_time=event.event_time,
        until=event.event_time + intent_seconds,
        kind=kinds[type(event)],  # type: ignore[arg-type]
        embedding=shown,
        item_id=review.item_id if review else None,
        value=review.value if review else None,
    )


def _letter(each: OpenedContent, now: float) -> Message:
    named = "; ".join(f"{fault.fault}: {fault}" for fault in each.faults[:FAULTS_NAMED])
    return dead_letter(each.of.record, "refused", f"picture {named}", now)
