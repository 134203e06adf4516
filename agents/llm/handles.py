"""Numbers instead of ids: a model reads and writes `i3` and `m2`, and no id of an item, memory or user."""

from __future__ import annotations

from typing import Any

ID_FIELDS = {"item_id": "i", "memory_id": "m"}
SUBJECT = "subject"
"""The argument that is an item's id where the scope is `item`."""
TEXT_FIELDS = frozenset({"title", "text", "tags", "attributes", "statements", "documents"})
"""Fields with texts that third parties wrote."""
DROPPED_FIELDS = frozenset({"user_id", "last_at", "available_from", "available_until"})
"""Fields that a model has no use for, and that tell of a person: ids of users, and when exactly they did something."""


class Handles:
    """Hands out numbers for ids, for one conversation with a model."""

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, str], str] = {}
        self._ids: dict[str, str] = {}

    def handle(self, field: str, value: str) -> str:
        """Return the number of an id in a field of `ID_FIELDS`: the same at each call."""
        letter = ID_FIELDS[field]
        if (letter, value) not in self._by_id:
            number = 1 + sum(1 for kind, _ in self._by_id if kind == letter)
            self._by_id[letter, value] = f"{letter}{number}"
            self._ids[f"{letter}{number}"] = value
        return self._by_id[letter, value]

    def masked(self, value: Any, *, texts: bool) -> Any:
        """Return JSON values with numbers for ids, without `DROPPED_FIELDS`, and without texts unless these are wanted.

        >>> Handles().masked({"items": [{"item_id": "x9", "title": "Heat", "times": 2}]}, texts=False)
        {'items': [{'item': 'i1', 'times': 2}]}
        """
        if isinstance(value, list | tuple):
            return [self.masked(each, texts=texts) for each in value]
        if not isinstance(value, dict):
            return value
        masked: dict[str, Any] = {}
        for name, each in value.items():
            if name in ID_FIELDS:
                masked[name.removesuffix("_id")] = self.handle(name, str(each))
            elif name not in DROPPED_FIELDS and (texts or name not in TEXT_FIELDS):
                masked[name] = self.masked(each, texts=texts)
        return masked

    def unmasked(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call with ids for numbers; a number that was not handed out stays as it is.

        >>> handles = Handles()
        >>> handles.handle("item_id", "x9")
        'i1'
        >>> handles.unmasked({"scope": "item", "subject": "i1"}), handles.unmasked({"scope": "place", "subject": "i1"})
        ({'scope': 'item', 'subject': 'x9'}, {'scope': 'place', 'subject': 'i1'})
        """
        ids = {*ID_FIELDS, SUBJECT} if arguments.get("scope") == "item" else ID_FIELDS
        return {name: self._ids.get(str(value), value) if name in ids else value for name, value in arguments.items()}
