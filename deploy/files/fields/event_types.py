"""Maps the names of event types in logs to those of `schemas.interactions`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from deploy.files.errors import BadCell, UnreadableFile
from deploy.files.fields.columns import pairs_of
from schemas.event_kinds import KINDS, type_name

TYPES = {name: type_name(event_type) for event_type, kind in KINDS.items() for name in kind.names}
"""Event types by their usual names in logs; case is ignored, and _ and blanks are read as -."""
TAGS = frozenset(map(type_name, KINDS))
ALLOWED = ", ".join(sorted(TAGS))


class Types(Struct, frozen=True):
    """How types are read: by mapped words, or one type for all rows."""

    mapped: Mapping[str, str] = {}
    always: str = ""

    def of(self, word: str) -> str:
        """Return the type that a word means.

        Raises:
            BadCell: the word means no type.

        >>> Types().of("Add to cart"), Types({"seen": "view"}).of("Seen")
        ('add-to-cart', 'view')
        """
        name = "-".join(word.lower().replace("_", " ").split())
        event_type = self.mapped.get(word) or self.mapped.get(name) or TYPES.get(name, name)
        if event_type not in TAGS:
            raise BadCell(f"type {word[:40]!r} is unknown; map it with --types {word[:40]}=… to one of {ALLOWED}")
        return event_type


def types_of(text: str) -> Types:
    """Parse ``viewed=view,bought=purchase``, or one type for all rows.

    Raises:
        UnreadableFile: a type is unknown.

    >>> types_of("purchase").always, types_of("Viewed Item=view").of("viewed_item")
    ('purchase', 'view')
    """
    if text and "=" not in text:
        return Types(always=_allowed(text.strip()))
    mapped: dict[str, str] = {}
    for word, kind in pairs_of(text, "--types"):
        mapped[word] = mapped["-".join(word.lower().replace("_", " ").split())] = _allowed(kind)
    return Types(mapped)


def _allowed(kind: str) -> str:
    if kind not in TAGS:
        raise UnreadableFile(f"--types has {kind!r}: the types are {ALLOWED}")
    return kind
