"""Vectors of queries: the encoders that the perceiver uses, loaded by the gateway when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import numpy as np

from deploy.gateway.problems import Problem
from inference.encoders.pictures import open_picture
from inference.encoders.ports import Encoder, Picture, Vectors, tag_of
from schemas.errors import BadPicture, PackagesMissing
from schemas.item_perceptions import Embedding
from streams.perceiver.sources import bytes_of_data_uri

KEPT_QUERIES = 1_000
"""Queries whose vectors are kept, 1 kB each."""
DATA = b"data:"


class QueryEncoders:
    """Encodes words and pictures; without encoders, because perception is off, words have no vector and pictures are
    refused. One thread calls it: it blocks for tens of milliseconds, and for seconds while it loads an encoder.
    """

    def __init__(
        self,
        *,
        text: Callable[[], Encoder[str]] | None = None,
        image: Callable[[], Encoder[Picture]] | None = None,
        byte_limit: int = 5_000_000,
        pixel_limit: int = 40_000_000,
    ) -> None:
        self._make_text, self._make_image = text, image
        self._image: Encoder[Picture] | None = None
        self._text: Encoder[str] | None = None
        self._byte_limit, self._pixel_limit = byte_limit, pixel_limit
        self.of_words = lru_cache(KEPT_QUERIES)(self._of_words)

    @property
    def enabled(self) -> bool:
        """Whether words are also compared by meaning."""
        return self._make_text is not None

    def _of_words(self, words: str) -> Embedding | None:
        """Return the vector of words; none if perception is off, or its packages are missing, or there are no words."""
        if self._make_text is None or not words.strip():
            return None
        try:
            self._text = self._text or self._make_text()
        except PackagesMissing:
            self._make_text = None
            return None
        return _embedding(self._text, self._text.encode([words]))

    def of_picture(self, body: bytes) -> Embedding:
        """Return the vector of a picture: its bytes, or its `data:` URI.

        Raises:
            Problem: 501, perception is off or its packages are missing; 413, it is too large; 422, it cannot be used.
        """
        if self._make_image is None:
            text = "pictures are searched once `perception.enabled` is true"
            raise Problem(HTTPStatus.NOT_IMPLEMENTED, "perception-disabled", text)
        try:
            self._image = self._image or self._make_image()
            content = bytes_of_data_uri(body.decode("ascii"), self._byte_limit) if body[:5].lower() == DATA else body
            if len(content) > self._byte_limit:
                raise BadPicture("too-large", f"{len(content)} bytes; at most {self._byte_limit} are read")
            seen = open_picture(content, pixel_limit=self._pixel_limit)
        except PackagesMissing as exc:
            raise Problem(HTTPStatus.NOT_IMPLEMENTED, "perception-disabled", str(exc)) from exc
        except UnicodeDecodeError as exc:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-picture", "a data: URI is of ASCII characters") from exc
        except BadPicture as exc:
            is_large = exc.fault in ("too-large", "too-many-pixels")
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_large else HTTPStatus.UNPROCESSABLE_ENTITY
            raise Problem(status, exc.fault, str(exc)) from exc
        return _embedding(self._image, self._image.encode([seen.pixels])) or _plain(self._image)


def _embedding(encoder: Encoder[Any], vectors: Vectors) -> Embedding | None:
    if not vectors.any():
        return None
    return Embedding(encoder=tag_of(encoder.name, encoder.version), vector=vectors[0].astype("<f2").tobytes())


def _plain(encoder: Encoder[Any]) -> Embedding:
    """Return the vector of a picture in which there is nothing: like no other."""
    tag = tag_of(encoder.name, encoder.version)
    return Embedding(encoder=tag, vector=np.zeros(encoder.width, "<f2").tobytes())
