"""What users state: the `instructions` topic, a union discriminated by `type`. Each holds from the next list on."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import ID_LENGTH, PRINTABLE, TEXT_LENGTH, Name
from schemas.ids import Category, EventKey, ItemKey, Time, UserKey
from schemas.record import Record


class _Instruction(Record, frozen=True, kw_only=True, tag_field="type"):
    event_id: EventKey
    user_id: UserKey
    event_time: Time


class _Statement(_Instruction, frozen=True, kw_only=True):
    """A statement; `until` is the event time from which it holds no longer, none if it holds until it is lifted."""

    until: Time | None = None


class BanItem(_Statement, frozen=True, kw_only=True, tag="ban-item"):
    """A ban: this item is not shown any more."""

    item_id: ItemKey


class BanCategory(_Statement, frozen=True, kw_only=True, tag="ban-category"):
    """A ban: no item of this category is shown any more."""

    category: Category


class PinItem(_Statement, frozen=True, kw_only=True, tag="pin-item"):
    """A pin: this item stays at the top."""

    item_id: ItemKey


class MoreOf(_Statement, frozen=True, kw_only=True, tag="more-of"):
    """A wish for more of this category."""

    category: Category


class LessOf(_Statement, frozen=True, kw_only=True, tag="less-of"):
    """A wish for less of this category."""

    category: Category


class Lift(_Instruction, frozen=True, kw_only=True, tag="lift"):
    """A withdrawal of whatever was stated about this item or category: its ban, pin, more or less."""

    value: Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)]


class Undo(_Instruction, frozen=True, kw_only=True, tag="undo"):
    """A withdrawal of the newest statement: what held before it holds again."""


class Say(_Instruction, frozen=True, kw_only=True, tag="say"):
    """An instruction in words, English or German: "no horror until Sunday". The list that answers it says what was
    understood (`schemas.replies`).

    Days begin at midnight in `time_zone`, an IANA name such as `Europe/Berlin`.
    """

    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]
    time_zone: Name = "UTC"


Instruction = BanItem | BanCategory | PinItem | MoreOf | LessOf | Lift | Undo | Say
