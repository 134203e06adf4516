"""Half-lives are rows, and columns, initial weights and sources follow from them."""

from __future__ import annotations

import subprocess
import sys

from features.half_lives import CATEGORY_ORDER, FALLBACK_ORDER, POPULARITY_HALF_LIVES, SEGMENT_HALF_LIVES
from inference.ranking.features import FeatureTable
from inference.ranking.network import INITIAL_LINEAR, initial
from inference.signals.registry import SOURCES

CHANGED_TABLE = """
import features.half_lives as table
from features.decay import DAY
rows = table.POPULARITY_HALF_LIVES
two_days = table.PopularityHalfLife(seconds=2 * DAY, initial_weight=0.75)
table.POPULARITY_HALF_LIVES = (*rows[:2], two_days, *rows[3:], table.PopularityHalfLife(seconds=400 * DAY))
table.POPULARITY_SECONDS = tuple(row.seconds for row in table.POPULARITY_HALF_LIVES)
from inference.signals.registry import SOURCES
from inference.ranking.features import FeatureTable
from inference.ranking.network import initial
columns = FeatureTable().columns
print(float(initial(columns)["linear"][columns.index("popular_2d")]))
from features.statistics import fold_delta
from features.views import ITEM_VIEW, VIEWS
from schemas.statistics import ItemDelta
counts = fold_delta(None, ItemDelta(item_id="i", source="s", offset=0, event_time=1e9, weight=1.0)).popularity
fields = next(view.fields for view in VIEWS if view.name == ITEM_VIEW)
print(len(counts), "popularity_48h" in fields, "popularity_9600h" in fields)
print("popular_400d" in columns, "popular-400-days" in [source.name for source in SOURCES])
"""


def test_every_row_has_columns_with_its_initial_weight_and_a_source() -> None:
    columns = FeatureTable().columns
    linear = initial(columns)["linear"]
    for row in POPULARITY_HALF_LIVES:
        assert linear[columns.index(f"popular_{row.name}")] == row.initial_weight
        assert (f"level_{row.name}" in columns) == row.has_level
    assert {f"company_{row.name}" for row in SEGMENT_HALF_LIVES} < set(columns)
    assert sum(source.name.startswith("popular-") for source in SOURCES) == len(POPULARITY_HALF_LIVES)
    assert POPULARITY_HALF_LIVES[CATEGORY_ORDER].seconds > POPULARITY_HALF_LIVES[FALLBACK_ORDER].seconds


def test_no_two_rows_share_the_name_of_a_column_or_a_source() -> None:
    columns, sources = FeatureTable().columns, [source.name for source in SOURCES]
    assert len(set(columns)) == len(columns)
    assert len(set(sources)) == len(sources)


def test_every_initial_weight_belongs_to_a_column() -> None:
    assert set(INITIAL_LINEAR) <= set(FeatureTable(knowledge=True, content_map=True).columns)


def test_a_changed_and_an_added_row_need_no_other_line() -> None:
    result = subprocess.run([sys.executable, "-c", CHANGED_TABLE], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["0.75", "8", "True", "True", "True", "True"]
