"""Vectors by encoder and content, and fingerprints by item, in a file: nothing is encoded twice, also after a restart.

It is a cache: without it everything is encoded again, with the same result. A row of another encoder goes when the file
is opened; beyond `CACHED_VECTORS` the oldest go.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from inference.encoders.appearance import near
from schemas.ids import ItemId

CACHED_VECTORS = 500_000
NAMED_DUPLICATES = 8
_SCHEMA = """
create table if not exists vectors (encoder text, content text, vector blob, primary key (encoder, content));
create table if not exists fingerprints (item text primary key, fingerprint text);
"""


class VectorCache:
    """The cache in the file at `path`, for the encoders of these tags. One process uses it at a time."""

    def __init__(self, path: Path | str, encoders: Collection[str]) -> None:
        self._database = sqlite3.connect(path)
        self._database.executescript(_SCHEMA)
        marks = ", ".join("?" for _ in encoders)
        self._database.execute(f"delete from vectors where encoder not in ({marks})", tuple(encoders))
        rows = self._database.execute("select item, fingerprint from fingerprints").fetchall()
        self._row: dict[ItemId, int] = {ItemId(item): row for row, (item, _) in enumerate(rows)}
        self._items: list[ItemId | None] = [ItemId(item) for item, _ in rows]
        self._fingerprints = np.array([int(print_, 16) for _, print_ in rows] or [0] * 16, np.uint64)

    def vectors(self, encoder: str, contents: Iterable[str]) -> dict[str, bytes]:
        """Return the vectors that are known of these contents."""
        query = "select vector from vectors where encoder = ? and content = ?"
        found = {content: self._database.execute(query, (encoder, content)).fetchone() for content in set(contents)}
        return {content: row[0] for content, row in found.items() if row is not None}

    def keep(self, encoder: str, vectors: dict[str, bytes]) -> None:
        """Keep vectors by content, until the next `commit` in memory alone."""
        rows = [(encoder, content, vector) for content, vector in vectors.items()]
        self._database.executemany("insert or replace into vectors values (?, ?, ?)", rows)

    def near_duplicates(self, item: ItemId, fingerprint: str) -> tuple[ItemId, ...]:
        """Return other items with almost this picture, at most `NAMED_DUPLICATES`; then note the item's own."""
        found = [self._items[row] for row in near(self._fingerprints[: len(self._items)], fingerprint)]
        others = [other for other in found if other is not None and other != item]
        self._note(item, fingerprint)
        return tuple(others[:NAMED_DUPLICATES])

    def forget(self, item: ItemId) -> None:
        """Forget an item: it is withdrawn, or has no picture now."""
        row = self._row.pop(item, None)
        if row is not None:
            self._items[row] = None
            self._database.execute("delete from fingerprints where item = ?", (item,))

    def commit(self) -> None:
        """Write what was kept to the file."""
        newest = self._database.execute("select max(rowid) from vectors").fetchone()[0] or 0
        self._database.execute("delete from vectors where rowid <= ?", (newest - CACHED_VECTORS,))
        self._database.commit()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _note(self, item: ItemId, fingerprint: str) -> None:
        if not fingerprint:
            self.forget(item)
            return
        row = self._row.get(item)
        if row is None:
            row = self._row[item] = len(self._items)
            self._items.append(item)
            if row == len(self._fingerprints):
                self._fingerprints = np.concatenate([self._fingerprints, np.zeros_like(self._fingerprints)])
        self._fingerprints[row] = np.uint64(int(fingerprint, 16))
        self._database.execute("insert or replace into fingerprints values (?, ?)", (item, fingerprint))
