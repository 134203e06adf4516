"""The base of every message: immutable, compact on the wire, open to unknown fields."""

from __future__ import annotations

from msgspec import Struct


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value on a topic. Fields without a default are required; unknown fields are ignored."""
