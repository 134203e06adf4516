"""The registry of signals: adding one is a file, and a row in each table that it has something for.

The order of rows is that of the ranker's columns, and breaks ties between sources.
"""

from __future__ import annotations

from collections.abc import Sequence

from inference.items.table import ItemTable, Signal
from inference.signals.agent import AGENT_COLUMNS, INTENT_SOURCE, MEMORY_SOURCE
from inference.signals.co_occurrence import CO_OCCURRENCE_COLUMNS, CO_OCCURRENCE_SOURCES, CoOccurrence
from inference.signals.columns import FeatureGroup
from inference.signals.content import CONTENT_COLUMNS, CONTENT_SOURCE, Content
from inference.signals.content_map import MAP_COLUMNS, MAP_SOURCE, ContentMap
from inference.signals.factors import FACTOR_COLUMNS, FACTOR_SOURCE, Factors
from inference.signals.lifetime import LIFETIME_COLUMNS, NEW_ITEM_SOURCE, ColdItems
from inference.signals.outside_knowledge import OUTSIDE_COLUMNS, OUTSIDE_SOURCE, OutsideKnowledge
from inference.signals.perceptions import PERCEPTION_SOURCE, Perceptions
from inference.signals.popularity import POPULARITY_COLUMNS, POPULARITY_SOURCES, ItemPopularity
from inference.signals.repeats import REPEAT_COLUMNS, REPEAT_SOURCE
from inference.signals.segments import FIRST_CHOICE_SOURCE, SEGMENT_COLUMNS, SegmentPopularity
from inference.signals.source import CandidateSource
from inference.signals.tastes import TASTE_COLUMNS
from inference.signals.user import USER_COLUMNS, USER_HISTORY_COLUMNS
from inference.signals.values import VALUE_COLUMNS, Values
from inference.signals.words import WORD_COLUMNS, WORD_SOURCE, Words

SIGNALS: tuple[type[Signal], ...] = (
    ItemPopularity,
    ColdItems,
    Values,
    CoOccurrence,
    Words,
    Factors,
    Content,
    SegmentPopularity,
    Perceptions,
    OutsideKnowledge,
    ContentMap,
)
"""What is kept of items; a signal that reads only the user keeps nothing."""

SOURCES: tuple[CandidateSource, ...] = (
    *POPULARITY_SOURCES,
    *CO_OCCURRENCE_SOURCES,
    FACTOR_SOURCE,
    CONTENT_SOURCE,
    WORD_SOURCE,
    INTENT_SOURCE,
    MEMORY_SOURCE,
    REPEAT_SOURCE,
    FIRST_CHOICE_SOURCE,
    NEW_ITEM_SOURCE,
)
"""Where candidates come from. Each source is a column of the ranker, too."""


SOURCES_OF_INTENTS: tuple[CandidateSource, ...] = (PERCEPTION_SOURCE,)
"""Sources that answer what a user has just shown or asked for; they are no columns (`inference.intent_lift`)."""


SOURCES_OF_KNOWLEDGE: tuple[CandidateSource, ...] = (OUTSIDE_SOURCE,)
GROUPS_OF_KNOWLEDGE: tuple[FeatureGroup, ...] = (OUTSIDE_COLUMNS,)
"""Sources and columns that are there only where external knowledge is ranked by (`ranking.outside_knowledge`)."""


SOURCES_OF_CONTENT_MAP: tuple[CandidateSource, ...] = (MAP_SOURCE,)
GROUPS_OF_CONTENT_MAP: tuple[FeatureGroup, ...] = (MAP_COLUMNS,)
"""And those that are there only where factors are predicted from content (`ranking.content_map`)."""


def source_columns(sources: Sequence[CandidateSource]) -> FeatureGroup:
    """Return the columns of sources: how highly each proposes the candidate."""
    names = tuple(f"from_{source.name}" for source in sources)
    return FeatureGroup(group="sources", names=names, fill=lambda batch: batch.pool.votes)


FEATURE_GROUPS: tuple[FeatureGroup, ...] = (
    POPULARITY_COLUMNS,
    LIFETIME_COLUMNS,
    VALUE_COLUMNS,
    CO_OCCURRENCE_COLUMNS,
    WORD_COLUMNS,
    FACTOR_COLUMNS,
    CONTENT_COLUMNS,
    TASTE_COLUMNS,
    AGENT_COLUMNS,
    REPEAT_COLUMNS,
    source_columns(SOURCES),
    USER_COLUMNS,
    USER_HISTORY_COLUMNS,
    SEGMENT_COLUMNS,
)
"""What the ranker reads."""


def make_item_table() -> ItemTable:
    """Return an empty item table with every signal.

    >>> len(make_item_table())
    0
    """
    return ItemTable(SIGNALS)
