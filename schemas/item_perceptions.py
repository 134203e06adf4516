"""What was seen and read in an item: the `item-perceptions` topic, keyed by item. An empty value withdraws it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import Label, Name, WholeNumber
from schemas.ids import ItemKey
from schemas.record import Record

VECTOR_BYTES = 8_192
Colour = Annotated[str, Meta(pattern=r"^#[0-9a-f]{6}$")]
Vector = Annotated[bytes, Meta(min_length=2, max_length=VECTOR_BYTES, description="float16, little-endian")]


class Embedding(Record, frozen=True, kw_only=True):
    """A vector of length 1, and the `encoder` that made it, with its version: `use-multilingual/3`.

    Only vectors of one encoder are to be compared.
    """

    encoder: Name
    vector: Vector


class SeenPicture(Record, frozen=True, kw_only=True):
    """A picture's size in pixels (as it is meant to be seen), its main colours, and the variance of its Laplacian.

    `fingerprint` is its difference hash, by which near-duplicates are found; a plain picture has none.
    """

    width: WholeNumber
    height: WholeNumber
    colours: Annotated[tuple[Colour, ...], Meta(max_length=8)] = ()
    sharpness: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    fingerprint: Annotated[str, Meta(pattern=r"^([0-9a-f]{16})?$")] = ""


class ItemPerception(Record, frozen=True, kw_only=True):
    """One item as it was perceived: its text, and the first of its pictures that can be opened.

    `content` is the SHA-256 of what was encoded; `near_duplicates` are items perceived before whose picture is almost
    the same one.
    """

    item_id: ItemKey
    content: Label
    text: Embedding | None = None
    image: Embedding | None = None
    picture: SeenPicture | None = None
    near_duplicates: Annotated[tuple[ItemKey, ...], Meta(max_length=16)] = ()
