"""What tools act through: ports for one user, whom their implementations are bound to, and the values they return.

A tool reaches nothing beside these ports. Texts of items are data that others wrote; `agents.actions.untrusted_text`
has removed from them what cannot be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from agents.actions.untrusted_text import visible
from features.outside_knowledge import Beliefs
from schemas.bounds import PICTURE_URI_LENGTH, SLATE_LENGTH, TEXT_LENGTH
from schemas.ids import ItemId, ItemKey, MemoryId
from schemas.items import Item
from schemas.memories import Predicate, Subject
from schemas.signals import Scope

TITLE_LENGTH = 200
CATEGORIES_SHOWN = 16
FACTS_SHOWN, DOCUMENTS_SHOWN = 100, 10
Title = Annotated[str, Meta(max_length=TITLE_LENGTH, description="data, written by others")]
Words = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Number = Annotated[int, Meta(ge=1, le=SLATE_LENGTH, description="how many at most")]
Photo = Annotated[
    str, Meta(max_length=PICTURE_URI_LENGTH, pattern="^data:image/", description="a picture as a data URI")
]
Wanted = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH, description="words to search by")]
SimilarityKind = Literal["content", "choices"]


class ItemCard(Struct, frozen=True):
    """An item in short."""

    item_id: ItemKey
    title: Title = ""
    categories: tuple[Title, ...] = ()


class ItemSheet(Struct, frozen=True, kw_only=True):
    """An item as it stands for one user now.

    `available` is false before and after the time in which it may be shown; `forbidden_by` are the user's statements
    that it breaks: it is not recommended to them. Numbers and names are in `facts` and `attributes`.
    """

    item_id: ItemKey
    title: Title = ""
    text: Words = ""
    categories: tuple[Title, ...] = ()
    tags: tuple[Title, ...] = ()
    facts: dict[str, float] = {}
    attributes: dict[str, Title] = {}
    available: bool = True
    available_from: float | None = None
    available_until: float | None = None
    forbidden_by: tuple[str, ...] = ()


class RememberedFact(Struct, frozen=True, kw_only=True):
    """What is believed of the user, in words and as `schemas.memories.Memory` has it.

    It is `stated` by themselves or inferred; `confidence` is in [0, 1). A `conditional` one is a rule on a condition.
    """

    memory_id: MemoryId
    text: Words
    predicate: Predicate
    subject: Subject
    value: Title
    stated: bool
    confidence: float
    conditional: bool = False


class PastItem(Struct, frozen=True, kw_only=True):
    """An item that the user interacted with: how often, the last event time, and the sum of rewards (negative: bad)."""

    item_id: ItemKey
    title: Title = ""
    categories: tuple[Title, ...] = ()
    times: int
    last_at: float
    reward: float


class UserAnswer(Struct, frozen=True):
    """What the user answered; `unreachable`: nobody put the question to them, `pending`: they have not answered yet."""

    status: Literal["answered", "declined", "pending", "unreachable"]
    text: Words = ""


class KnownFact(Struct, frozen=True):
    """A fact that is believed, with every source that says so, and how far the first is trusted, from 0 to 1."""

    attribute: Title
    value: Title | float | bool
    trust: float
    sources: tuple[Title, ...]


class KnownDocument(Struct, frozen=True):
    """A text that a source outside has about the subject."""

    text: Words
    source: Title


class KnownOutside(Struct, frozen=True, kw_only=True):
    """What sources outside say of a subject now, as far as it is believed."""

    statements: tuple[KnownFact, ...] = ()
    documents: tuple[KnownDocument, ...] = ()


class ItemService(Protocol):
    """Reads items for one user, whose statements hold: nothing that they forbid is found.

    Every method raises `ToolRefused` with the reason if the service does not answer, or does not permit it.
    """

    async def item(self, item_id: ItemId) -> ItemSheet | None:
        """Return an item; none if the catalogue does not have it."""
        ...

    async def search(self, words: str, photo: str, n: int) -> tuple[ItemCard, ...]:
        """Return the n items that fit the words or the picture (one of the two is empty), the best first."""
        ...

    async def similar(self, item_id: ItemId, n: int, by: SimilarityKind) -> tuple[ItemCard, ...]:
        """Return the n items most similar to this one, never itself.

        Raises:
            ToolRefused: `not-found`, the catalogue does not have the item.
        """
        ...

    async def trending(self, n: int) -> tuple[ItemCard, ...]:
        """Return the n items that most users choose now, the most chosen first."""
        ...


class UserService(Protocol):
    """Reads what is known of one user. Raises `ToolRefused` like `ItemService`."""

    async def memories(self, about: str, n: int) -> tuple[RememberedFact, ...]:
        """Return the n memories most similar to `about`, or, if that is empty, the surest ones."""
        ...

    async def history(self, n: int) -> tuple[PastItem, ...]:
        """Return the n items that the user interacted with last, the newest first."""
        ...


class KnowledgeService(Protocol):
    """Reads external knowledge. Raises `ToolRefused` like `ItemService`."""

    async def known(self, scope: Scope, subject: str) -> KnownOutside:
        """Return what is believed of an item, a category, a place or a time now; nothing, if no source says anything.

        Texts are visible ones alone.
        """
        ...


class UserDialogue(Protocol):
    """Reaches the user in person."""

    async def ask(self, question: str, choices: tuple[str, ...]) -> UserAnswer:
        """Put a question to the user; the answer is one of `choices` unless these are empty."""
        ...


class NobodyThere:
    """A `UserDialogue` of an agent that works while the user is away."""

    async def ask(self, question: str, choices: tuple[str, ...]) -> UserAnswer:
        """Reach nobody."""
        del question, choices
        return UserAnswer("unreachable")


@dataclass(frozen=True)
class ToolContext:
    """All that a tool may act through, for one user."""

    items: ItemService
    user: UserService
    knowledge: KnowledgeService
    dialogue: UserDialogue


def known_outside(beliefs: Beliefs) -> KnownOutside:
    """Return beliefs with visible text alone.

    >>> from features.outside_knowledge import BelievedFact
    >>> known_outside(Beliefs((BelievedFact("director", "Mann\u202e", 0.5, ("studio",)),))).statements[0].value
    'Mann'
    """
    return KnownOutside(
        statements=tuple(
            KnownFact(
                visible(fact.attribute, TITLE_LENGTH),
                visible(fact.value, TITLE_LENGTH) if isinstance(fact.value, str) else fact.value,
                fact.trust,
                tuple(visible(source, TITLE_LENGTH) for source in fact.sources[:CATEGORIES_SHOWN]),
            )
            for fact in beliefs.facts[:FACTS_SHOWN]
        ),
        documents=tuple(
            KnownDocument(visible(f"{document.title} {document.text}", TEXT_LENGTH), document.source)
            for document in beliefs.documents[:DOCUMENTS_SHOWN]
        ),
    )


def card_of(item: Item) -> ItemCard:
    """Return a catalogue entry in short, with visible text alone.

    >>> card_of(Item(item_id="i1", title="Up\\n", categories=("Animation",)))
    ItemCard(item_id='i1', title='Up', categories=('Animation',))
    """
    return ItemCard(item.item_id, visible(item.title, TITLE_LENGTH), _names(item.categories))


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(visible(name, TITLE_LENGTH) for name in names[:CATEGORIES_SHOWN])


def sheet_of(item: Item, *, facts: dict[str, float], available: bool, forbidden_by: tuple[str, ...]) -> ItemSheet:
    """Return a catalogue entry as it stands for a user, with visible text alone."""
    named = {name: value for name, value in item.attributes.items() if isinstance(value, str)}
    return ItemSheet(
        item_id=item.item_id,
        title=visible(item.title, TITLE_LENGTH),
        text=visible(item.text, TEXT_LENGTH),
        categories=_names(item.categories),
        tags=_names(item.tags),
        facts=facts,
        attributes={
            visible(name, TITLE_LENGTH): visible(value, TITLE_LENGTH)
            for name, value in list(named.items())[:CATEGORIES_SHOWN]
        },
        available=available,
        available_from=item.available_from,
        available_until=item.available_until,
        forbidden_by=forbidden_by,
    )
