"""What can be left out of a recommender to see what it adds: each candidate source, each group of feature columns.

Whatever is left out keeps its place: a source proposes nothing, columns stay zero. So the network is as large as
before, and begins from the same draws; all that differs is what it is not told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from msgspec.structs import replace

from features.item_table import ItemTable, Numbers
from features.views import External
from inference.candidates.source import Source
from inference.candidates.sources import SOURCES
from inference.ranking.features import COLUMNS, FeatureTable
from inference.ranking_context import RankingContext
from schemas.errors import LifelongError

SOURCE, GROUP = "source:", "features:"
POPULAR = "popular"
"""The sources of popularity at all half-lives, taken as one."""


class UnknownPart(LifelongError):
    """There is no source and no feature group of this name."""


def parts() -> tuple[str, ...]:
    """Every part that can be left out by itself, popularity as a whole first."""
    sources = [source.name for source in SOURCES if not _is_popular(source.name)]
    groups = [row.group for row in COLUMNS]
    return (SOURCE + POPULAR, *(SOURCE + name for name in sources), *(GROUP + name for name in groups))


def known_parts() -> tuple[str, ...]:
    """The parts, and the sources of popularity one by one."""
    single = [SOURCE + source.name for source in SOURCES if _is_popular(source.name)]
    return (*parts(), *single)


def chosen_parts(text: str) -> tuple[str, ...]:
    """The parts of an option: `all`, or names with commas between; a bare name stands for what has it, one or both.

    Raises:
        UnknownPart: nothing has that name.

    >>> chosen_parts("words,features:near")
    ('source:words', 'features:words', 'features:near')
    """
    if text.strip() == "all":
        return parts()
    known = known_parts()
    found: list[str] = []
    for name in [one.strip() for one in text.split(",") if one.strip()]:
        meant = [part for part in known if name in (part, part.split(":", 1)[1])]
        if not meant:
            raise UnknownPart(f"--ablate {name!r} is none of all, {', '.join(known)}")
        found += meant
    return tuple(dict.fromkeys(found))


def features_without(external: Sequence[External], without: Collection[str]) -> FeatureTable:
    """The feature table, with its sources, that lacks these parts; the whole one if there are none."""
    return FeatureTable(
        external,
        sources=[_silenced(source) if _is_left_out(source.name, without) else source for source in SOURCES],
        without={part.removeprefix(GROUP) for part in without if part.startswith(GROUP)},
    )


def _is_popular(name: str) -> bool:
    return name.startswith(f"{POPULAR}-")


def _is_left_out(name: str, without: Collection[str]) -> bool:
    return SOURCE + name in without or (_is_popular(name) and SOURCE + POPULAR in without)


def _silenced(source: Source) -> Source:
    return replace(source, propose=_nothing)


def _nothing(person: RankingContext, table: ItemTable, size: int) -> Numbers:
    return np.empty(0, np.int64)
