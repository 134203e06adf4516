"""What was spent on a language model, by day and user, in a file of SQLite: a process that starts again goes on."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from pathlib import Path

from agents.llm.budgets import EVERYBODY, Spent
from schemas.ids import UserId

KEPT_DAYS = 40


class SpendingFile:
    """An `agents.llm.budgets.SpendingBook` on disk. Users are hashed; days older than `KEPT_DAYS` are dropped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS spent"
            " (day INTEGER, who TEXT, tokens REAL, seconds REAL, money REAL, PRIMARY KEY (day, who)) WITHOUT ROWID"
        )

    def spent(self, day: int, who: UserId) -> Spent:
        """See `agents.llm.budgets.SpendingBook`."""
        found = self._database.execute(
            "SELECT tokens, seconds, money FROM spent WHERE day = ? AND who = ?", (day, _hashed(who))
        ).fetchone()
        return Spent(tokens=found[0], seconds=found[1], money=found[2]) if found else Spent()

    def add(self, day: int, who: UserId, spent: Spent) -> None:
        """See `agents.llm.budgets.SpendingBook`."""
        self._database.execute(
            "INSERT INTO spent VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, who) DO UPDATE SET"
            " tokens = tokens + excluded.tokens, seconds = seconds + excluded.seconds, money = money + excluded.money",
            (day, _hashed(who), spent.tokens, spent.seconds, spent.money),
        )
        if who == EVERYBODY:
            self._database.execute("DELETE FROM spent WHERE day < ?", (day - KEPT_DAYS,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _hashed(who: UserId) -> str:
    return who if who == EVERYBODY else blake2b(who.encode(), digest_size=12).hexdigest()
