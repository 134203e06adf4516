"""Pictures by their colours and where these are: a grid of mean colours and edges. It needs no package and no weights.

After the colour layout descriptor of MPEG-7 (Kasutani and Yamada, ICIP 2001), with the strength of edges in each cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inference.encoders.ports import Picture, Vectors, of_unit_length

GRID = 6
"""Cells along each side of a picture."""
_CHANNELS = 5


class ColourLayout:
    """The mean colour of each cell of a grid, and how much its brightness changes along and across.

    >>> red, dark_red, blue = (220, 0, 0), (180, 0, 0), (0, 0, 220)
    >>> pictures = [np.full((12, 12, 3), colour, np.uint8) for colour in (red, dark_red, blue)]
    >>> vectors = ColourLayout().encode(pictures)
    >>> bool(vectors[0] @ vectors[1] > 0.9 > vectors[0] @ vectors[2])
    True
    """

    name = "colour-layout"
    version = "1"
    width = GRID * GRID * _CHANNELS

    def encode(self, batch: Sequence[Picture]) -> Vectors:
        """See `inference.encoders.ports.Encoder`."""
        rows = np.zeros((len(batch), self.width), np.float32)
        for row, picture in enumerate(batch):
            rows[row] = _layout(picture).ravel()
        return of_unit_length(rows)


def _layout(picture: Picture) -> NDArray[np.float32]:
    """Return the mean of each channel in each cell: float32 `[GRID, GRID, 5]`, colours around grey."""
    colours = picture.astype(np.float32) / 128.0 - 1.0
    light = colours.mean(axis=2)
    along = np.abs(np.diff(light, axis=1, append=light[:, -1:]))
    across = np.abs(np.diff(light, axis=0, append=light[-1:]))
    channels = np.concatenate([colours, 4.0 * along[..., None], 4.0 * across[..., None]], axis=2)
    rows, columns = (_bounds(size) for size in light.shape)
    cells = [[channels[a:b, c:d].mean(axis=(0, 1)) for c, d in columns] for a, b in rows]
    return np.array(cells, np.float32)


def _bounds(size: int) -> list[tuple[int, int]]:
    """Return where each of `GRID` cells begins and ends; each has a pixel, though small pictures share them.

    >>> _bounds(7)
    [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 7)]
    """
    starts = [cell * size // GRID for cell in range(GRID + 1)]
    return [(min(begin, size - 1), max(end, begin + 1)) for begin, end in pairwise(starts)]
