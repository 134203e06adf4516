"""Conversations about the catalogue that the gateway serves. Nothing of them is kept here: their id holds all of it."""

from __future__ import annotations

import binascii
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock

import msgspec

from agents.dialogue.catalogue import ItemOnOffer, OfferedCatalogue
from agents.dialogue.conversation import Conversation, Turn
from agents.dialogue.limits import YEAR_OF_DATE, Value
from agents.dialogue.state import DialogueState
from agents.dialogue.tools import RecordedTools
from deploy.gateway.limits import MAX_CHAT_ITEMS, MAX_CONVERSATION_BYTES, MAX_CONVERSATION_LENGTH
from deploy.gateway.problems import Problem
from deploy.gateway.served.cache import Cache
from features.item_facts import known_of
from features.item_rules import ItemRules
from features.recurring_times import in_force
from schemas.codec import decode
from schemas.ids import ItemId
from schemas.items import Item
from schemas.recommendations import Recommendation
from schemas.topics import ITEMS

RENEWED_AFTER = 30.0
"""Seconds after which a conversation sees what changed in the catalogue."""
LISTED_LEAST, UNLISTED = 0.5, 0.25
"""How well the last item of a user's list suits them, and one that is not on it; the first suits by 1."""
_encode = msgspec.json.Encoder().encode
_state = msgspec.json.Decoder(DialogueState)


@dataclass(frozen=True)
class _Offer:
    """The catalogue as conversations see it, from when, and which state of the cache it was made from."""

    items: tuple[Item, ...]
    catalogue: OfferedCatalogue
    conversation: Conversation
    made_at: float
    changes: int


class Chats:
    """Answers what users say. Blocks for tens of milliseconds, more with large catalogues: call it in a thread."""

    def __init__(self, cache: Cache, *, clock: Callable[[], float]) -> None:
        self._cache, self._clock = cache, clock
        self._offer: _Offer | None = None
        self._lock = Lock()

    def answer(self, conversation_id: str, text: str, listed: Recommendation, now: float) -> tuple[Turn, str]:
        """Return the answer to a user whose list is `listed`, and the id of the conversation to go on with.

        `now` is the time that the stream has reached. Nothing that the list's constraints forbid is recommended.

        Raises:
            Problem: 422, the id is none that a conversation has.
        """
        state, offer = _opened(conversation_id), self._renewed()
        ranks = {entry.item_id: rank for rank, entry in enumerate(listed.home.items)}
        steps = max(1, len(ranks) - 1)
        weights = {str(item): 1.0 - (1 - LISTED_LEAST) * rank / steps for item, rank in ranks.items()}
        rules = ItemRules(in_force(listed.constraints, now))
        hidden = {i.item_id for i in offer.items if not self._may_be_offered(i, rules, ranks, now)}
        turn = offer.conversation.answer(state, text, RecordedTools(offer.catalogue, hidden), weights)
        return turn, _closed(turn.state)

    def _may_be_offered(self, item: Item, rules: ItemRules, ranks: dict[ItemId, int], now: float) -> bool:
        is_here = not item.locales or item.item_id in ranks
        return is_here and self._cache.may_be_shown(item.item_id, now) and rules.allows(item)

    def _renewed(self) -> _Offer:
        with self._lock:
            known, changes = self._offer, self._cache.item_changes
            if known is None or (known.changes != changes and self._clock() - known.made_at >= RENEWED_AFTER):
                known = self._offer = _offered(self._cache, self._clock(), changes)
            return known


def _offered(cache: Cache, now: float, changes: int) -> _Offer:
    items = tuple(decode(ITEMS, value, now=now) for value in cache.items()[:MAX_CHAT_ITEMS])
    on_offer = [ItemOnOffer(i.item_id, i.title or i.item_id, item_facts(i), UNLISTED) for i in items]
    catalogue = OfferedCatalogue(on_offer)
    return _Offer(items, catalogue, Conversation(catalogue), now, changes)


def item_facts(item: Item) -> dict[str, Value]:
    """Return what is known of a catalogue entry, by field.

    >>> item_facts(Item(item_id="i1", title="Heat (1995)", attributes={"cast": "Pacino|De Niro"}))
    {'cast': ('Pacino', 'De Niro'), 'year': 1995.0}
    """
    facts: dict[str, Value] = {}
    for name, value in (("categories", item.categories), ("tags", item.tags)):
        if value:
            facts[name] = tuple(value)
    facts |= {name: _split(value) for name, value in item.attributes.items()}
    known = known_of(item).facts
    has_date = any(isinstance(value, str) and YEAR_OF_DATE.match(value) for value in facts.values())
    names = ("price",) if has_date else ("price", "year")
    facts |= {name: known[name] for name in names if name in known and name not in facts}
    return facts


def _split(value: str | float | bool) -> Value:
    """Return several names of one attribute, as `|` separates them."""
    if isinstance(value, str) and "|" in value:
        return tuple(part.strip() for part in value.split("|") if part.strip())
    return value


def _closed(state: DialogueState) -> str:
    return urlsafe_b64encode(zlib.compress(_encode(state))).decode()


def _opened(conversation_id: str) -> DialogueState:
    """Return the state in an id. It holds only what its user said, who may say anything: it needs no signature."""
    if not conversation_id:
        return DialogueState()
    try:
        unpacked = zlib.decompressobj()
        value = unpacked.decompress(
            urlsafe_b64decode(conversation_id[:MAX_CONVERSATION_LENGTH]), MAX_CONVERSATION_BYTES
        )
        return _state.decode(value)
    except (zlib.error, binascii.Error, ValueError, msgspec.MsgspecError) as exc:
        text = "`conversation_id` is none of an earlier answer; leave it out to begin a conversation"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-conversation", text) from exc
