"""How large anything that travels may be: texts, lists and numbers, each limit in one place.

Numbers are finite by these bounds, and small enough that no sum, square or product over a stream of them overflows
float64, nor one of them float32. JSON has no NaN, and what is out of bounds is refused where it is decoded.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

BROKER_RECORD_BYTES = 1_000_000
"""Bytes that a broker accepts by default in one record."""
ID_LENGTH = 256
"""Characters of an id, wherever it appears."""
NAME_LENGTH = 128
"""Characters of a category, a surface, a device and their like."""
TEXT_LENGTH = 1_000
"""Characters of a short text: a search, a query for memories."""
SLATE_LENGTH = 100
"""Items that a slate may be composed of, and that a request may ask for."""
LARGEST = 1e12
"""The largest rating, price or attribute, either sign."""
LARGEST_COUNT = 1e9
"""The largest quantity, and the most seconds spent on an item (30 years)."""
LARGEST_SUM = 1e30
"""The largest sum over a stream: a million million million of the largest values."""
LARGEST_INT = 2**53
"""Offsets, versions and counts: what every JSON reader keeps exact."""
FARTHEST = 1e11
"""Seconds from 1970, either way: some three thousand years."""

PRINTABLE = r"^(?!\.\.?$)(?=.*\S)[^\x00-\x1f\x7f-\x9f]+$(?!\n)"
"""Not only blanks, no control characters, which no terminal, log or address carries unchanged, and neither `.` nor
`..`, which clients take out of addresses.
"""
NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
NOT_RESERVED = r"^(?!@default)(?!\.\.?$)(?=.*\S)[^\x00-\x1f\x7f-\x9f]+$(?!\n)"
"""Printable, and none of the ids that are kept for lists of people never seen: `@default` and what begins with it."""
IN_WORDS = {
    PRINTABLE: "of printable characters, not only blanks, neither '.' nor '..'",
    NO_CONTROL: "without control characters",
    NOT_RESERVED: "of printable characters, not only blanks, neither '.' nor '..', nor the reserved '@default…'",
}
"""What a pattern asks, for people: regular expressions tell them nothing."""

Name = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=NO_CONTROL)]
Label = Annotated[str, Meta(max_length=ID_LENGTH, pattern=NO_CONTROL)]
Text = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Amount = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
NonNegative = Annotated[float, Meta(ge=0, le=LARGEST)]
Count = Annotated[float, Meta(ge=0, le=LARGEST_COUNT)]
Sum = Annotated[float, Meta(ge=-LARGEST_SUM, le=LARGEST_SUM)]
DecayedCount = Annotated[float, Meta(ge=0, le=LARGEST_SUM)]
WholeNumber = Annotated[int, Meta(ge=0, le=LARGEST_INT)]
