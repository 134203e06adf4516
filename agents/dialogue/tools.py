"""The tools of a conversation: a port, and an implementation over values."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from msgspec import Struct

from agents.dialogue.catalogue import OfferedCatalogue
from agents.dialogue.limits import Value

RESTRICTED_RATINGS = frozenset({"r", "nc-17", "x", "18", "18+", "r18", "fsk 18", "fsk-18", "tv-ma", "ao", "pegi 18"})
"""Age ratings that ask for the user's consent, in lower case."""


class DialogueTools(Protocol):
    """What a conversation may do beside talking. Every call may block; none changes anything but `recommend`."""

    def get_user_history(self) -> Collection[str]:
        """Return the ids of the items that are not to be recommended: the user has had them, or does not want them."""
        ...

    def check_availability(self, item_id: str, services: tuple[str, ...]) -> bool:
        """Return whether an item is on at least one of these services; on any at all if there are none."""
        ...

    def check_content_preference(self, content_rating: str) -> bool:
        """Return whether an age rating is restricted, so that the user has to consent."""
        ...

    def recommend(self, item_id: str | None) -> None:
        """Put a recommendation on record, or, without an item, that nothing is recommended."""
        ...


class ToolCall(Struct, frozen=True):
    """A call of a tool, for the record: its name and its arguments."""

    name: str
    arguments: dict[str, Value | None]


class RecordedTools:
    """Tools over a catalogue and a known history; `record` is told of every call, by the tool's name."""

    def __init__(
        self,
        catalogue: OfferedCatalogue,
        history: Collection[str],
        record: Callable[[ToolCall], None] = lambda call: None,
    ) -> None:
        self._catalogue, self._history, self._record = catalogue, history, record

    def get_user_history(self) -> Collection[str]:
        self._record(ToolCall("get_user_history", {}))
        return self._history

    def check_availability(self, item_id: str, services: tuple[str, ...]) -> bool:
        self._record(ToolCall("check_availability", {"item_id": item_id, "services": services}))
        field = self._catalogue.of("service")
        on = self._catalogue.items[item_id].facts.get(field.name) if field is not None else None
        offered = {name.casefold() for name in (on if isinstance(on, tuple) else (str(on),) if on else ())}
        return not services or any(service.casefold() in offered for service in services)

    def check_content_preference(self, content_rating: str) -> bool:
        self._record(ToolCall("check_content_preference", {"content_rating": content_rating}))
        return content_rating.casefold() in RESTRICTED_RATINGS

    def recommend(self, item_id: str | None) -> None:
        self._record(ToolCall("recommend", {"item_id": item_id}))
