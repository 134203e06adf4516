"""What pictures look like, without any learned weights: their main colours, their sharpness, and a fingerprint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.encoders.pictures import resized
from inference.encoders.ports import Picture

MAIN_COLOURS = 3
_LEVELS = 4
"""Levels of each of red, green and blue that are told apart."""
_LIGHT = np.array([0.299, 0.587, 0.114], np.float32)
"""The weights of red, green and blue in brightness (ITU-R BT.601)."""
NEAR_BITS = 4
"""Fingerprints of two pictures of one thing, scaled or compressed anew, differ in at most so many of 64 bits."""
PLAIN_STEP = 2.0
"""Smaller steps of brightness, of 255, are noise of the compression. A picture without a larger one has no fingerprint:
all such pictures would be alike."""


def main_colours(picture: Picture) -> tuple[str, ...]:
    """Return the colours of most of the picture, the most frequent first, as `#rrggbb`.

    >>> main_colours(np.full((8, 8, 3), (250, 10, 10), np.uint8))
    ('#fa0a0a',)
    """
    pixels = resized(picture, 32).reshape(-1, 3).astype(np.int64)
    cells = (pixels * _LEVELS // 256) @ np.array([_LEVELS * _LEVELS, _LEVELS, 1])
    counts = np.bincount(cells, minlength=_LEVELS**3)
    most = [cell for cell in np.argsort(-counts, kind="stable")[:MAIN_COLOURS] if counts[cell] >= len(pixels) // 20]
    means = [pixels[cells == cell].mean(axis=0).round().astype(int) for cell in most]
    return tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in means)


def sharpness(picture: Picture) -> float:
    """Return the variance of the Laplacian of the brightness: below some 100 a photograph is blurred (Pertuz et al.,
    Pattern Recognition 2013).

    >>> sharpness(np.full((64, 64, 3), 128, np.uint8))
    0.0
    """
    light = resized(picture, 256).astype(np.float32) @ _LIGHT
    inner = light[1:-1, 1:-1]
    laplacian = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:] - 4.0 * inner
    return round(float(laplacian.var()), 3)


def fingerprint(picture: Picture) -> str:
    """Return the picture's difference hash, 16 hexadecimal digits (Krawetz, 2013); empty for a plain picture.

    A bit says whether the brightness rises clearly from a cell to the one on its right, of 8 x 9 cells.

    >>> fingerprint(np.zeros((9, 9, 3), np.uint8))
    ''
    """
    light = resized(picture, 72).astype(np.float32) @ _LIGHT
    cells = light.reshape(8, 9, 9, 8).mean(axis=(1, 3))
    steps = np.diff(cells, axis=1)
    if np.abs(steps).max() < PLAIN_STEP:
        return ""
    return np.packbits(steps > PLAIN_STEP).tobytes().hex()


def near(fingerprints: NDArray[np.uint64], of: str) -> NDArray[np.intp]:
    """Return the rows of fingerprints that differ from this one in at most `NEAR_BITS` bits.

    >>> near(np.array([0b1111, 0b11111], np.uint64), "0" * 16).tolist()
    [0]
    """
    if not of:
        return np.zeros(0, np.intp)
    return np.flatnonzero(np.bitwise_count(fingerprints ^ np.uint64(int(of, 16))) <= NEAR_BITS)
