"""The state of a conversation: what the user wants, was asked, and rejected. It is a fold of what they say."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from agents.dialogue.catalogue import OfferedCatalogue
from agents.dialogue.limits import FactLimit, keeps, keeps_all
from agents.dialogue.reading import Heard

MOST_LIMITS = 64
MOST_REJECTED = 100
ActKind = Literal["ask", "recommend", "confirm", "abstain", "done", "unclear"]


class RejectedItem(Struct, frozen=True):
    """An item that the user rejected, and the fields that were wrong with it; none if they did not say."""

    item_id: str
    blamed: tuple[str, ...] = ()


class OpenAct(Struct, frozen=True):
    """What the user is to react to: a question about a field, or an item that is recommended or to be consented to."""

    kind: ActKind = "done"
    field: str = ""
    item_id: str = ""


class DialogueState(Struct, frozen=True):
    """What is known after some messages; `services` is None until the user was asked, empty if any will do.

    `asked` are fields that the user was asked about, `consented` age ratings that they agreed to, `disclosed` the
    items that were said to be sponsored, `accepted` the item that the conversation ended in.
    """

    language: str = "en"
    limits: tuple[FactLimit, ...] = ()
    services: tuple[str, ...] | None = None
    asked: tuple[str, ...] = ()
    rejected: tuple[RejectedItem, ...] = ()
    consented: tuple[str, ...] = ()
    disclosed: tuple[str, ...] = ()
    open: OpenAct = OpenAct()
    accepted: str = ""
    misheard: bool = False

    def requirements(self, catalogue: OfferedCatalogue) -> tuple[FactLimit, ...]:
        """Return every limit that an item has to keep to, that of the user's services too."""
        service = catalogue.of("service")
        if service is None or not self.services:
            return self.limits
        return (*self.limits, FactLimit(service.name, "contains_any", self.services))


def hear(state: DialogueState, heard: Heard, catalogue: OfferedCatalogue) -> DialogueState:
    """Return the state after a message of the user."""
    known = tuple(limit for limit in state.limits if limit.field not in heard.freed)
    after = msgspec.structs.replace(
        state,
        language=heard.language,
        limits=tuple(dict.fromkeys([*known, *heard.limits]))[-MOST_LIMITS:],
        services=state.services if heard.services is None else heard.services,
        misheard=heard.is_nothing,
    )
    if state.open.kind == "confirm":
        return _consent(after, heard, catalogue)
    if state.open.kind == "recommend":
        return _react(after, heard, catalogue)
    return after


def _react(state: DialogueState, heard: Heard, catalogue: OfferedCatalogue) -> DialogueState:
    item = catalogue.items.get(state.open.item_id)
    fits = item is not None and keeps_all(item.facts, heard.limits)
    if heard.accepts and fits and not heard.blamed:
        return msgspec.structs.replace(state, accepted=state.open.item_id)
    if heard.refuses or heard.blamed or not fits:
        broken = [limit.field for limit in heard.limits if item is not None and not keeps(item.facts, limit)]
        rejected = RejectedItem(state.open.item_id, (*heard.blamed, *broken))
        return msgspec.structs.replace(state, rejected=(*state.rejected, rejected)[-MOST_REJECTED:])
    return state


def _consent(state: DialogueState, heard: Heard, catalogue: OfferedCatalogue) -> DialogueState:
    item, field = catalogue.items.get(state.open.item_id), catalogue.of("age")
    if item is None or field is None:
        return state
    rating = str(item.facts.get(field.name))
    said = [limit for limit in heard.limits if limit.field == field.name]
    if said and not keeps_all(item.facts, said):
        return state
    if heard.refuses and not said:
        return msgspec.structs.replace(state, limits=(*state.limits, FactLimit(field.name, "not_in", (rating,))))
    if said or heard.accepts or heard.indifferent:
        return msgspec.structs.replace(state, consented=(*state.consented, rating))
    return state


def has_consented(state: DialogueState, field: str, rating: str) -> bool:
    """Return whether the user agreed to an age rating: when asked, or by naming it among those they want."""
    named = (
        limit.value if isinstance(limit.value, tuple) else (str(limit.value),)
        for limit in state.limits
        if limit.field == field and limit.op in ("in", "==", "contains", "contains_any")
    )
    return rating in state.consented or any(rating in values for values in named)
