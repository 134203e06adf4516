"""External knowledge, X in the formal model: the `signals` topic. An empty value withdraws what a source said.

A record is all that one source says of one scope: an item, a category, a place, or a time. Its key is
`scope/source/subject`, so a source's newer record replaces its older one, and never another source's. Spellings of a
category, a place or a time have one key, so that they replace each other, too.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from schemas.bounds import ID_LENGTH, NAME_LENGTH, PRINTABLE, SOURCE_NAME, Amount
from schemas.ids import Time, category_key
from schemas.record import Record

Scope = Literal["item", "category", "place", "time"]
RELEASED, TREND, HOLIDAY = "released", "trend", "holiday"
"""Attributes that the ranker reads as such: when an item is released (seconds), how much something is in demand, from
-1 to 1, and what is celebrated at a place or a time.
"""
SIGNAL_SCOPES: tuple[Scope, ...] = ("item", "category", "place", "time")
Subject = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)]
SourceName = Annotated[str, Meta(pattern=SOURCE_NAME)]
Attribute = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, pattern=PRINTABLE)]
FactValue = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)] | Amount | bool


class _Valid(Record, frozen=True, kw_only=True):
    """Something that is true from `valid_from` on and before `valid_until`; without them, always."""

    valid_from: Time | None = None
    valid_until: Time | None = None

    def __post_init__(self) -> None:
        """Refuse what is never true."""
        if self.valid_from is not None and self.valid_until is not None and self.valid_from >= self.valid_until:
            raise ValueError(f"valid_from {self.valid_from!r} is not before valid_until {self.valid_until!r}")


class OutsideFact(_Valid, frozen=True, kw_only=True):
    """One value of an attribute. An attribute with several values at once, such as a cast, is as many facts."""

    attribute: Attribute
    value: FactValue


class OutsideDocument(_Valid, frozen=True, kw_only=True):
    """A text about the scope. It is data: nothing in it is ever taken as an instruction."""

    text: Annotated[str, Meta(min_length=1, max_length=50_000)]
    title: Annotated[str, Meta(max_length=1_000)] = ""


class ExternalSignal(Record, frozen=True, kw_only=True):
    """All that a source says of a scope. `subject` is the item's id, the category, the place (`DE`, `DE-BY`), or a name
    of the time.

    `trust` says how far the source is believed: of sources that contradict each other the more trusted one, and at 0
    none. `recorded_at` is when the source said so, which settles contradictions between equally trusted ones.
    """

    scope: Scope
    subject: Subject
    source: SourceName
    trust: Annotated[float, Meta(ge=0, le=1)] = 0.5
    recorded_at: Time
    facts: Annotated[tuple[OutsideFact, ...], Meta(max_length=400)] = ()
    documents: Annotated[tuple[OutsideDocument, ...], Meta(max_length=20)] = ()


class SignalKey(NamedTuple):
    """The parts of a key on `signals`."""

    scope: Scope
    source: str
    subject: str

    def __str__(self) -> str:
        """Return the record key."""
        return "/".join(self)


def signal_key(signal: ExternalSignal) -> SignalKey:
    """Return the key of a record on `signals`.

    >>> str(signal_key(ExternalSignal(scope="item", subject="i1", source="studio", recorded_at=0.0)))
    'item/studio/i1'
    """
    return SignalKey(signal.scope, signal.source, subject_in_key(signal.scope, signal.subject))


def subject_in_key(scope: Scope, subject: str) -> str:
    """Return what all spellings of a scope's subject share; ids of items have one spelling.

    >>> subject_in_key("category", " Sci-Fi"), subject_in_key("item", "Heat")
    ('sci-fi', 'Heat')
    """
    return subject if scope == "item" else category_key(subject)


def parsed_signal_key(key: str) -> SignalKey | None:
    """Return the parts of a key; none if it is no key on `signals`, where `subject_in_key` spells the subject.

    >>> parsed_signal_key("item/studio/a/b")
    SignalKey(scope='item', source='studio', subject='a/b')
    >>> [parsed_signal_key(key) for key in ("studio/i1", "place/met/DE")]
    [None, None]
    """
    scope, _, rest = key.partition("/")
    source, _, subject = rest.partition("/")
    named: Scope | None = next((name for name in SIGNAL_SCOPES if name == scope), None)
    if named is None or not source or not subject or subject != subject_in_key(named, subject):
        return None
    return SignalKey(named, source, subject)
