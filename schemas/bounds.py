"""Bounds on every message: texts, lists and numbers, each limit in one place.

Numbers are finite by these bounds, and small enough that no sum, square or product over a stream of them overflows
float64, nor one of them float32. JSON has no NaN, and the decoder refuses every value out of bounds.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

BROKER_RECORD_BYTES = 1_000_000
"""Bytes that a broker accepts by default in one record."""
ID_LENGTH = 256
"""Characters of an id, wherever it appears."""
NAME_LENGTH = 128
"""Characters of a category, a surface, a device or a similar name."""
TEXT_LENGTH = 1_000
"""Characters of a short text: a search, a query for memories."""
REVIEW_LENGTH = 10_000
"""Characters of a review."""
PICTURE_URI_LENGTH = 700_000
"""Characters of a picture's URI: of a `data:` URI so many are 525 kB of picture, and leave room in a record."""
SLATE_LENGTH = 100
"""Items that a slate may be composed of, and that a request may ask for."""
LARGEST_AMOUNT = 1e12
"""The largest rating, price or attribute, of either sign."""
LARGEST_COUNT = 1e9
"""The largest quantity, and the most seconds spent on an item (30 years)."""
LARGEST_SUM = 1e30
"""The largest sum over a stream: 1e18 times the largest amount."""
LARGEST_WHOLE_NUMBER = 2**53
"""The largest offset, version or count: every JSON reader keeps integers up to this one exact."""
LARGEST_TIME = 1e11
"""Seconds before or after 1970: some three thousand years."""

PRINTABLE = r"^(?!\.\.?$)(?=.*\S)[^\x00-\x1f\x7f-\x9f]+$(?!\n)"
"""Not blank; without control characters, which no terminal, log or address carries unchanged; neither `.` nor `..`,
which HTTP clients remove from addresses.
"""
NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
NOT_RESERVED = r"^(?!@default)(?!\.\.?$)(?=.*\S)[^\x00-\x1f\x7f-\x9f]+$(?!\n)"
"""Printable, and not reserved for the non-personalised list: neither `@default` nor an id that begins with it."""
LANGUAGE_TAG = r"^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$(?!\n)"
"""A language tag (BCP 47), such as `de-AT`; `_` is read as `-`."""
SOURCE_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$(?!\n)"
"""A source of external knowledge: no `/`, which separates the parts of a key."""
CLOCK_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)"
"""A time of day, from `00:00` to `23:59`."""
PATTERN_DESCRIPTIONS = {
    PRINTABLE: "of printable characters, not only blanks, neither '.' nor '..'",
    NO_CONTROL: "without control characters",
    LANGUAGE_TAG: "of letters and digits, with '-' or '_' between its parts, such as 'de-AT'",
    SOURCE_NAME: "of at most 64 lower-case letters, digits, '.', '_' and '-', the first a letter or digit",
    CLOCK_TIME: "a time of day from 00:00 to 23:59",
    NOT_RESERVED: "of printable characters, not only blanks, neither '.' nor '..', nor the reserved '@default…'",
}
"""What each pattern requires, in words: a regular expression does not explain an error to its reader."""

Name = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=NO_CONTROL)]
Locale = Annotated[str, Meta(max_length=35, pattern=LANGUAGE_TAG)]
"""At most as long as section 4.4.1 of BCP 47 advises to allow for."""
Label = Annotated[str, Meta(max_length=ID_LENGTH, pattern=NO_CONTROL)]
Text = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Amount = Annotated[float, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
NonNegative = Annotated[float, Meta(ge=0, le=LARGEST_AMOUNT)]
Count = Annotated[float, Meta(ge=0, le=LARGEST_COUNT)]
Sum = Annotated[float, Meta(ge=-LARGEST_SUM, le=LARGEST_SUM)]
DecayedCount = Annotated[float, Meta(ge=0, le=LARGEST_SUM)]
WholeNumber = Annotated[int, Meta(ge=0, le=LARGEST_WHOLE_NUMBER)]


def describe_patterns(message: str) -> str:
    """Return an error message of msgspec with each pattern replaced by what it requires.

    >>> describe_patterns(f"Expected `str` matching regex {NO_CONTROL!r} - at `$.device`")
    'Expected `str` without control characters - at `$.device`'
    """
    for pattern, description in PATTERN_DESCRIPTIONS.items():
        message = message.replace(f"matching regex {pattern!r}", description)
    return message
