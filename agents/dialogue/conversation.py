"""One turn of a conversation: read what was said, fold it into the state, choose the next act, word it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from agents.dialogue.catalogue import OfferedCatalogue
from agents.dialogue.limits import FactLimit
from agents.dialogue.policy import NO_WEIGHTS, Act, next_act
from agents.dialogue.reading import DialogueReader
from agents.dialogue.state import DialogueState, hear
from agents.dialogue.tools import DialogueTools
from agents.dialogue.wording import word_act


class Turn(Struct, frozen=True):
    """What the agent answers: a text, the act that it carries out, the state to go on from, and the limits in force."""

    text: str
    act: Act
    state: DialogueState
    limits: tuple[FactLimit, ...] = ()


class Conversation:
    """Answers messages about one catalogue; it keeps nothing between them but what is in the state.

    >>> from agents.dialogue.catalogue import ItemOnOffer
    >>> from agents.dialogue.tools import RecordedTools
    >>> films = [ItemOnOffer("a", "Up", {"runtime": 96.0}), ItemOnOffer("b", "Troy", {"runtime": 163.0})]
    >>> films = OfferedCatalogue(films)
    >>> turn = Conversation(films).answer(DialogueState(), "under two hours", RecordedTools(films, ()))
    >>> turn.act.kind, turn.act.item.title
    ('recommend', 'Up')
    """

    def __init__(self, catalogue: OfferedCatalogue) -> None:
        self._catalogue = catalogue
        self._reader = DialogueReader(catalogue)

    def answer(
        self, state: DialogueState, text: str, tools: DialogueTools, weights: Mapping[str, float] = NO_WEIGHTS
    ) -> Turn:
        """Return the answer to a message, which may be the first; `weights` say how well items suit the user."""
        offered = self._catalogue.items.get(state.open.item_id) if state.open.kind == "recommend" else None
        asked = state.open.field if state.open.kind in ("ask", "confirm") else ""
        heard = self._reader.read(text, asked=asked, offered=offered, language=state.language)
        act, after = next_act(hear(state, heard, self._catalogue), self._catalogue, tools, weights)
        limits = after.requirements(self._catalogue)
        return Turn(word_act(act, limits, dict(self._catalogue.fields), after.language), act, after, limits)
