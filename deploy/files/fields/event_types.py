"""What logs call the types of events, beside the names of `schemas.interactions` themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from msgspec import Struct

from deploy.files.errors import BadCell, UnreadableFile
from deploy.files.fields.columns import pairs_of
from schemas.interactions import Interaction

TYPES = {
    "addtocart": "add-to-cart",
    "cart": "add-to-cart",
    "product-added": "add-to-cart",
    "bookmark": "like",
    "favorite": "like",
    "favourite": "like",
    "follow": "like",
    "rate": "rating",
    "listen": "view",
    "pageview": "view",
    "page-view": "view",
    "play": "view",
    "watch": "view",
    "viewed": "view",
    "view-item": "view",
    "product-viewed": "view",
    "clicked": "click",
    "select-item": "click",
    "product-clicked": "click",
    "buy": "purchase",
    "bought": "purchase",
    "order": "purchase",
    "purchased": "purchase",
    "transaction": "purchase",
    "order-completed": "purchase",
}
"""Letters may be capital, and _ and blanks are read as -."""
TAGS = frozenset(str(one.__struct_config__.tag) for one in get_args(Interaction))
ALLOWED = ", ".join(sorted(TAGS))


class Types(Struct, frozen=True):
    """How types are read: words that were mapped, or one type for all rows."""

    mapped: Mapping[str, str] = {}
    always: str = ""

    def of(self, word: str) -> str:
        """The type that a word means.

        Raises:
            BadCell: none.

        >>> Types().of("Add to cart"), Types({"seen": "view"}).of("Seen")
        ('add-to-cart', 'view')
        """
        name = "-".join(word.lower().replace("_", " ").split())
        found = self.mapped.get(word) or self.mapped.get(name) or TYPES.get(name, name)
        if found not in TAGS:
            raise BadCell(f"type {word[:40]!r} is unknown; map it with --types {word[:40]}=… to one of {ALLOWED}")
        return found


def types_of(text: str) -> Types:
    """``viewed=view,bought=purchase``, or one type alone for all rows.

    Raises:
        UnreadableFile: a type is none of ours.

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
