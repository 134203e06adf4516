"""What a language model may cost in a day: tokens, seconds and money, of each person and of all together."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from schemas.ids import UserId

EVERYBODY = UserId("@everybody")
"""The reserved name under which everything that was spent adds up."""


class Spent(Struct, frozen=True, kw_only=True):
    """Tokens, seconds of waiting for the model, and money in the operator's currency."""

    tokens: float = 0.0
    seconds: float = 0.0
    money: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        """Return the sum."""
        return Spent(
            tokens=self.tokens + other.tokens, seconds=self.seconds + other.seconds, money=self.money + other.money
        )

    def within(self, limit: Spent) -> bool:
        """Return whether nothing exceeds the limit, of which 0 is none.

        >>> Spent(tokens=5.0).within(Spent(tokens=5.0)), Spent(money=2.0).within(Spent(money=1.0))
        (True, False)
        """
        pairs = ((self.tokens, limit.tokens), (self.seconds, limit.seconds), (self.money, limit.money))
        return all(not most or spent <= most for spent, most in pairs)


class SpendingBook(Protocol):
    """Keeps what was spent on each day, so that a process that starts again goes on from there."""

    def spent(self, day: int, who: UserId) -> Spent:
        """Return what was spent on a day (counted from 1970) on a user, or on `EVERYBODY`."""
        ...

    def add(self, day: int, who: UserId, spent: Spent) -> None:
        """Add to it; negative amounts take back what was reserved."""
        ...


class Budgets(Struct, frozen=True):
    """Daily limits of each person and of everybody, and the price of a million tokens each way."""

    book: SpendingBook
    person: Spent = Spent()
    everybody: Spent = Spent()
    price_in: float = 0.0
    price_out: float = 0.0

    def price(self, tokens_in: float, tokens_out: float, seconds: float) -> Spent:
        """Return what a call costs."""
        money = (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6
        return Spent(tokens=tokens_in + tokens_out, seconds=seconds, money=money)

    def reserve(self, user: UserId, most: Spent, day: int) -> bool:
        """Reserve what a call may cost at most; false, and nothing reserved, if a budget of the day has too little."""
        for who, limit in ((user, self.person), (EVERYBODY, self.everybody)):
            if not (self.book.spent(day, who) + most).within(limit):
                return False
        self._add(user, most, day)
        return True

    def settle(self, user: UserId, reserved: Spent, actual: Spent, day: int) -> None:
        """Replace what was reserved by what the call cost."""
        back = Spent(tokens=-reserved.tokens, seconds=-reserved.seconds, money=-reserved.money)
        self._add(user, back + actual, day)

    def _add(self, user: UserId, spent: Spent, day: int) -> None:
        self.book.add(day, user, spent)
        self.book.add(day, EVERYBODY, spent)
