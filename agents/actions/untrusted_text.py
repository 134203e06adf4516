"""Texts that others wrote (titles, descriptions, reviews, documents), made safe to hand on as data.

What cannot be seen can hold orders that only a language model reads: control and format characters, which reorder or
hide text (Unicode TR 36), and tag characters, which spell ASCII invisibly. They are removed; what is left is text that
a person sees as it is.
"""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
"""Categories of Unicode that are not seen: control, format, private use, surrogates, unassigned."""
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Variation selectors: of category Mn, invisible, and enough of them to spell bytes with."""


def visible(text: str, limit: int) -> str:
    """Return the visible characters of a text on one line, at most `limit` of them.

    >>> visible("Up\\u202e\\n (2009)" + chr(0xE0041), 100), visible("abcdef", 4)
    ('Up (2009)', 'abc…')
    """
    text = text[: 4 * limit]
    spaced = "".join(" " if character.isspace() else character for character in text)
    kept = "".join(c for c in spaced if c not in _SELECTORS and unicodedata.category(c) not in _HIDDEN)
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
