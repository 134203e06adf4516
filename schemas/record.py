"""The base of everything that travels: immutable, compact on the wire, unknown fields pass."""

from __future__ import annotations

from msgspec import Struct


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value on a topic. Fields without a default are required; unknown ones are passed over."""
