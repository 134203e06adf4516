"""Pictures drawn for tests: what they show is known, and nobody owns them."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from inference.encoders.ports import Picture

Colour = tuple[int, int, int]


def circles(colour: Colour, *, seed: int, side: int = 128) -> Picture:
    """Circles of this colour on white, as many and as large as the seed says."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(image)
    for x, y, size in rng.uniform((0.2, 0.2, 0.15), (0.8, 0.8, 0.3), (4, 3)) * side:
        draw.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    return np.asarray(image)


def stripes(colour: Colour, *, seed: int, side: int = 128) -> Picture:
    """Upright stripes of this colour on white."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(image)
    step = int(rng.integers(10, 18))
    for x in range(int(rng.integers(0, step)), side, step):
        draw.rectangle((x, 0, x + step // 2, side), fill=colour)
    return np.asarray(image)


def encoded(picture: Picture, form: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture's file."""
    file = BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


def data_uri(content: bytes, kind: str = "image/png") -> str:
    """A `data:` URI of these bytes."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
