"""Ablation: leave out a candidate source or a group of feature columns to measure what it adds.

A source that is left out proposes nothing, columns that are left out stay zero. So the network keeps its size and its
initial weights; only its input differs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from msgspec.structs import replace

from features.views import External
from inference.items.table import ItemTable, Numbers
from inference.ranking.features import FeatureTable, sources_of
from inference.ranking_context import RankingContext
from inference.signals.registry import FEATURE_GROUPS, SOURCES
from inference.signals.source import CandidateSource
from schemas.errors import LifelongError

SOURCE, GROUP = "source:", "features:"
POPULAR = "popular"
"""The popularity sources of all half-lives, as one part."""


class UnknownPart(LifelongError):
    """There is no source and no feature group of this name."""


def parts() -> tuple[str, ...]:
    """Return every part that can be left out by itself, popularity as a whole first."""
    sources = [source.name for source in SOURCES if not _is_popular(source.name)]
    groups = [row.group for row in FEATURE_GROUPS]
    return (SOURCE + POPULAR, *(SOURCE + name for name in sources), *(GROUP + name for name in groups))


def known_parts() -> tuple[str, ...]:
    """Return the parts, and the popularity sources one by one."""
    single = [SOURCE + source.name for source in SOURCES if _is_popular(source.name)]
    return (*parts(), *single)


def chosen_parts(text: str) -> tuple[str, ...]:
    """Return the parts that an option names: `all`, or names with commas between; a bare name matches sources and
    groups.

    Raises:
        UnknownPart: nothing has that name.

    >>> chosen_parts("words,features:near")
    ('source:words', 'features:words', 'features:near')
    """
    if text.strip() == "all":
        return parts()
    known = known_parts()
    chosen: list[str] = []
    for name in [stripped for part in text.split(",") if (stripped := part.strip())]:
        matching = [part for part in known if name in (part, part.split(":", 1)[1])]
        if not matching:
            raise UnknownPart(f"--ablate {name!r} is none of all, {', '.join(known)}")
        chosen += matching
    return tuple(dict.fromkeys(chosen))


def features_without(
    external: Sequence[External], without: Collection[str], *, knowledge: bool = False, content_map: bool = False
) -> FeatureTable:
    """Return the feature table, with its sources, without these parts."""
    sources = sources_of(knowledge=knowledge, content_map=content_map)
    return FeatureTable(
        external,
        knowledge=knowledge,
        content_map=content_map,
        sources=[_silenced(source) if _is_left_out(source.name, without) else source for source in sources],
        without={part.removeprefix(GROUP) for part in without if part.startswith(GROUP)},
    )


def _is_popular(name: str) -> bool:
    return name.startswith(f"{POPULAR}-")


def _is_left_out(name: str, without: Collection[str]) -> bool:
    return SOURCE + name in without or (_is_popular(name) and SOURCE + POPULAR in without)


def _silenced(source: CandidateSource) -> CandidateSource:
    return replace(source, propose=_nothing)


def _nothing(context: RankingContext, table: ItemTable, size: int) -> Numbers:
    return np.empty(0, np.int64)
