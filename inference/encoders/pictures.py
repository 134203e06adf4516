"""Opens pictures from anywhere: their bytes are not to be trusted, and nothing but their pixels goes any further.

The size that a file states is checked before a pixel is decoded, so that a small file cannot fill the memory. What a
camera wrote beside the pixels (where it was, whose it is) is dropped; only its rotation is applied first.
"""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np
from msgspec import Struct
from PIL import Image, ImageOps, UnidentifiedImageError

from inference.encoders.ports import Picture
from schemas.errors import BadPicture

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""What is opened, of an animation its first picture; Pillow's other readers are never given any bytes."""
LARGEST_SIDE = 512
"""Pixels of the longer side of what is kept: no encoder sees more."""
SMALLEST_SIDE = 8
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, TypeError)
"""What Pillow raises over files that are not as their format says."""


class OpenedPicture(Struct, frozen=True):
    """A picture, at most `LARGEST_SIDE` long, with the pixels that its file had: `width` and `height` upright."""

    pixels: Picture
    width: int
    height: int


def open_picture(content: bytes, *, pixel_limit: int) -> OpenedPicture:
    """Return the picture in these bytes, upright, in red, green and blue on white.

    Raises:
        BadPicture: it is none of `FORMATS`, broken, cut off, or has more than `pixel_limit` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)
            return _opened(content, pixel_limit)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise BadPicture("too-many-pixels", str(exc)) from exc
    except UnidentifiedImageError as exc:
        raise BadPicture("no-picture", f"it is none of {', '.join(FORMATS)}") from exc
    except _UNREADABLE as exc:
        raise BadPicture("broken", f"it cannot be read to its end: {exc}") from exc


def _opened(content: bytes, pixel_limit: int) -> OpenedPicture:
    with Image.open(BytesIO(content), formats=FORMATS) as file:
        width, height = file.size
        if width * height > pixel_limit:
            raise BadPicture("too-many-pixels", f"{width} x {height} pixels; at most {pixel_limit} are opened")
        if min(width, height) < SMALLEST_SIDE:
            raise BadPicture("too-small", f"{width} x {height} pixels; at least {SMALLEST_SIDE} are needed each way")
        # JPEG decodes at a fraction of its size, which is faster.
        file.draft("RGB", (2 * LARGEST_SIDE, 2 * LARGEST_SIDE))
        file.load()
        upright = ImageOps.exif_transpose(file)
        turned = (width < height) != (upright.width < upright.height)
        return OpenedPicture(_pixels(upright), *((height, width) if turned else (width, height)))


def _pixels(image: Image.Image) -> Picture:
    seen = image.convert("RGBA")
    seen.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BICUBIC)
    on_white = Image.new("RGBA", seen.size, "white")
    return np.asarray(Image.alpha_composite(on_white, seen).convert("RGB"), np.uint8)


def resized(picture: Picture, side: int) -> Picture:
    """Return the picture as a square of `side` pixels: uint8 `[side, side, 3]`.

    >>> resized(np.zeros((10, 20, 3), np.uint8), 4).shape
    (4, 4, 3)
    """
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC), np.uint8)
