"""What a person decides: the `instructions` topic, a union told apart by `type`. It holds from the next list on."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.bounds import ID_LENGTH, PRINTABLE
from schemas.ids import Category, EventKey, ItemKey, Time, UserKey
from schemas.record import Record


class _Instruction(Record, frozen=True, kw_only=True, tag_field="type"):
    event_id: EventKey
    user_id: UserKey
    event_time: Time


class BanItem(_Instruction, frozen=True, kw_only=True, tag="ban-item"):
    """Never show this item again."""

    item_id: ItemKey


class BanCategory(_Instruction, frozen=True, kw_only=True, tag="ban-category"):
    """Never show anything of this category again."""

    category: Category


class PinItem(_Instruction, frozen=True, kw_only=True, tag="pin-item"):
    """Keep this item at the top."""

    item_id: ItemKey


class MoreOf(_Instruction, frozen=True, kw_only=True, tag="more-of"):
    """Show more of this category."""

    category: Category


class LessOf(_Instruction, frozen=True, kw_only=True, tag="less-of"):
    """Show less of this category."""

    category: Category


class Lift(_Instruction, frozen=True, kw_only=True, tag="lift"):
    """Take back whatever was said about this item or category: its ban, pin, more or less."""

    value: Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)]


Instruction = BanItem | BanCategory | PinItem | MoreOf | LessOf | Lift
