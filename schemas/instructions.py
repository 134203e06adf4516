"""What users state: the `instructions` topic, a union discriminated by `type`. Each holds from the next list on."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.bounds import CLOCK_TIME, ID_LENGTH, NAME_LENGTH, NO_CONTROL, PRINTABLE, TEXT_LENGTH, Amount, Name
from schemas.ids import Category, EventKey, ItemKey, MemoryKey, Time, UserKey
from schemas.record import Record

MOST_OFFERS = 64
"""The largest number of offers in a week."""
MOST_STEPS = 32
"""The most steps of a goal."""
ClockTime = Annotated[str, Meta(pattern=CLOCK_TIME)]
FactName = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, pattern=PRINTABLE)]


MOST_EXCEPTIONS = 8
"""How many exceptions a statement has at most."""


class Excepted(Record, frozen=True, kw_only=True):
    """What a statement leaves out: an item, the items of a category, or those with this value of an `attribute`."""

    subject: Literal["item", "category", "attribute"]
    value: Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)]
    attribute: Name = ""


Exceptions = Annotated[tuple[Excepted, ...], Meta(max_length=MOST_EXCEPTIONS)]


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class RecurringTime(Record, frozen=True, kw_only=True):
    """A time of the week, by the clock of a `time_zone` (an IANA name): these days, from `starts` to `ends`. The same
    time twice is all day; a time over midnight is one of the day on which it begins.
    """

    days: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)]
    starts: ClockTime = "00:00"
    ends: ClockTime = "00:00"
    time_zone: Name = "UTC"


class _Instruction(Record, frozen=True, kw_only=True, tag_field="type"):
    event_id: EventKey
    user_id: UserKey
    event_time: Time


class _Statement(_Instruction, frozen=True, kw_only=True):
    """A statement; `until` is the event time from which it holds no longer, none if it holds until it is lifted."""

    until: Time | None = None


class _Recurring(_Statement, frozen=True, kw_only=True):
    """A statement that holds at a time of the week alone, if it says `when`."""

    when: RecurringTime | None = None


class BanItem(_Recurring, frozen=True, kw_only=True, tag="ban-item"):
    """A ban: this item is not shown any more."""

    item_id: ItemKey


class BanCategory(_Recurring, frozen=True, kw_only=True, tag="ban-category"):
    """A ban: no item of this category is shown any more, but its exceptions. A newer one replaces them."""

    category: Category
    exceptions: Exceptions = ()


class PinItem(_Statement, frozen=True, kw_only=True, tag="pin-item"):
    """A pin: this item stays at the top."""

    item_id: ItemKey


class MoreOf(_Statement, frozen=True, kw_only=True, tag="more-of"):
    """A wish for more of this category."""

    category: Category


class LessOf(_Statement, frozen=True, kw_only=True, tag="less-of"):
    """A wish for less of this category."""

    category: Category


class OnlyCategory(_Recurring, frozen=True, kw_only=True, tag="only-category"):
    """A wish for this category alone, and its exceptions. Several of one `event_id` allow each other; a newer one
    replaces older ones.
    """

    category: Category
    exceptions: Exceptions = ()


class LimitFact(_Recurring, frozen=True, kw_only=True, tag="limit"):
    """A limit: only items are shown of which this fact is known, and is within these bounds, both inclusive.

    Facts are `price`, `year`, `length` (minutes), `age` (the youngest age that an age rating allows) and every
    attribute of items that is a number, by its name. A limit may bind the items of one `category` alone. A newer limit
    of the same side, and of the same category if any, replaces the older one.
    """

    fact: FactName
    at_least: Amount | None = None
    at_most: Amount | None = None
    category: Category | None = None

    def __post_init__(self) -> None:
        """Refuse a limit without a bound."""
        if self.at_least is None and self.at_most is None:
            raise ValueError("a limit needs at_least, at_most or both")


class SetGoal(_Statement, frozen=True, kw_only=True, tag="set-goal"):
    """A goal of several steps that lasts over sessions: to choose these `items` in their order, or `count` items of a
    `category`, from the lowest to the highest value of the fact `ascending` where it names one (facts: `LimitFact`).

    Lists lead with the next step, until `per_session` steps are taken in a session. A newer goal of the same name
    replaces the older one, and `lift-goal` withdraws it.
    """

    name: FactName
    items: Annotated[tuple[ItemKey, ...], Meta(max_length=MOST_STEPS)] = ()
    category: Category | None = None
    count: Annotated[int, Meta(ge=0, le=MOST_STEPS)] = 0
    ascending: FactName | None = None
    per_session: Annotated[int, Meta(ge=1, le=MOST_STEPS)] = 1

    def __post_init__(self) -> None:
        """Refuse a goal without steps, or with two kinds of them."""
        if len(set(self.items)) < len(self.items):
            raise ValueError("a goal names each of its items once")
        is_of_category = self.category is not None and self.count > 0
        if bool(self.items) == is_of_category or (self.items and (self.category or self.count or self.ascending)):
            raise ValueError("a goal needs either items alone, or a category with a count, and maybe an ascending fact")


class LiftGoal(_Instruction, frozen=True, kw_only=True, tag="lift-goal"):
    """A withdrawal of the goal of this name, and of nothing else that was stated."""

    name: FactName


class LiftAll(_Instruction, frozen=True, kw_only=True, tag="lift-all"):
    """A withdrawal of everything that was stated."""


class Lift(_Instruction, frozen=True, kw_only=True, tag="lift"):
    """A withdrawal of whatever was stated about this item, category or fact, and of the goal of this name."""

    value: Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)]


class Remember(_Statement, frozen=True, kw_only=True, tag="remember"):
    """A belief that users state of themselves: they like or dislike this category, item or value of an attribute."""

    predicate: Literal["likes", "dislikes"]
    subject: Literal["category", "item", "attribute"] = "category"
    value: FactName
    attribute: Name = ""


class Forget(_Instruction, frozen=True, kw_only=True, tag="forget"):
    """A removal of one memory, stated or inferred; what it had outranked is believed again."""

    memory_id: MemoryKey


class OfferRules(Record, frozen=True, kw_only=True):
    """When an agent at autonomy 3 may make an offer: how many `per_week`, and never in the quiet hours of the user's
    `time_zone` (an IANA name), from `quiet_from` to `quiet_to`. The same time twice: there are no quiet hours.
    """

    per_week: Annotated[int, Meta(ge=0, le=MOST_OFFERS)] = 2
    quiet_from: ClockTime = "22:00"
    quiet_to: ClockTime = "08:00"
    time_zone: Name = "UTC"


class SetAutonomy(_Instruction, frozen=True, kw_only=True, tag="set-autonomy"):
    """How much the user's agent may do by itself.

    0: it makes no plans, lists follow what is stated and the ranking. 1: it proposes plans, and what it understood of
    words, and waits for approval. 2: it plans by itself, as for users who have set nothing. 3: it also makes offers
    unasked, by the rules in `offers`, or those given before. A level may be for one `action` alone: what it does with
    plans, with words, or with offers; one for all of them replaces those.
    """

    level: Annotated[int, Meta(ge=0, le=3)]
    action: Literal["all", "plans", "words", "offers"] = "all"
    offers: OfferRules | None = None


class Approve(_Instruction, frozen=True, kw_only=True, tag="approve"):
    """Approval of a proposed plan by its id, or of what words were understood as by their event id; by default of
    whatever waits.
    """

    proposal: Annotated[str, Meta(max_length=ID_LENGTH, pattern=NO_CONTROL)] = ""


class Reject(_Instruction, frozen=True, kw_only=True, tag="reject"):
    """Refusal of what `Approve` would approve."""

    proposal: Annotated[str, Meta(max_length=ID_LENGTH, pattern=NO_CONTROL)] = ""


class Undo(_Instruction, frozen=True, kw_only=True, tag="undo"):
    """A withdrawal of the newest statement: what held before it holds again. What was said twice is gone as a whole."""


class Say(_Instruction, frozen=True, kw_only=True, tag="say"):
    """An instruction in words, English or German: "no horror until Sunday". The list that answers it says what was
    understood (`schemas.replies`).

    Days begin at midnight in `time_zone`, an IANA name such as `Europe/Berlin`.
    """

    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]
    time_zone: Name = "UTC"


Instruction = (
    BanItem
    | BanCategory
    | PinItem
    | MoreOf
    | LessOf
    | OnlyCategory
    | LimitFact
    | Remember
    | SetGoal
    | LiftGoal
    | Forget
    | Lift
    | LiftAll
    | Undo
    | Say
    | SetAutonomy
    | Approve
    | Reject
)
