"""The error of the benchmark."""

from __future__ import annotations

from schemas.errors import LifelongError


class CannotMeasure(LifelongError):
    """The benchmark lacks what it needs, or two runs cannot be compared; the message says what to do."""
