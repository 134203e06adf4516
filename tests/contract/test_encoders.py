"""Every encoder keeps the port's contract: the same vectors for the same content, alone or in any batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.encoders.colour_layout import ColourLayout
from inference.encoders.efficientnet import EfficientNetLite
from inference.encoders.hashed_words import HashedWords
from inference.encoders.ports import Encoder
from inference.encoders.sentence_encoder import SentenceEncoder
from tests.pictures import circles, stripes

RED, BLUE = (200, 20, 20), (20, 20, 200)
TEXTS = ["a warm red woollen hat", "a red hat of wool, warm", "an introduction to algebra"]
PICTURES = [circles(RED, seed=1), circles(RED, seed=2), stripes(BLUE, seed=3)]
CONTENT: dict[type[Any], list[Any]] = {
    HashedWords: TEXTS,
    SentenceEncoder: TEXTS,
    ColourLayout: PICTURES,
    EfficientNetLite: PICTURES,
}


@pytest.fixture(scope="module", params=CONTENT, ids=lambda kind: kind.name)
def encoder(request: pytest.FixtureRequest) -> Encoder[Any]:
    made: Encoder[Any] = request.param()
    return made


def of(encoder: Encoder[Any]) -> list[Any]:
    return CONTENT[type(encoder)]


def test_vectors_are_of_the_stated_width_and_of_length_one(encoder: Encoder[Any]) -> None:
    vectors = encoder.encode(of(encoder))
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, encoder.width)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert encoder.encode([]).shape == (0, encoder.width)


def test_a_vector_depends_on_nothing_else_in_the_batch(encoder: Encoder[Any]) -> None:
    together = encoder.encode(of(encoder))
    alone = np.concatenate([encoder.encode([each]) for each in of(encoder)])
    backwards = encoder.encode(of(encoder)[::-1])[::-1]
    assert alone == pytest.approx(together, abs=1e-4)
    assert backwards == pytest.approx(together, abs=1e-4)


def test_what_is_alike_is_closer_than_what_is_not(encoder: Encoder[Any]) -> None:
    one, alike, other = encoder.encode(of(encoder))
    assert one @ alike > one @ other + 0.1


def test_it_says_what_it_is_and_which_version(encoder: Encoder[Any]) -> None:
    assert encoder.name
    assert encoder.version


@pytest.mark.parametrize("kind", [HashedWords, SentenceEncoder])
def test_a_text_without_words_is_zero(kind: type[Encoder[str]]) -> None:
    made = kind()
    assert not made.encode(["", "  "]).any()
