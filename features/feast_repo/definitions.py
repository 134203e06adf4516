"""The feature views that Lifelong writes, as Feast objects generated from the feature table.

`definitions(folder)` returns entities and views whose off-line log lies under the folder. Other teams apply their own
views to the same registry; the ranker reads them by the names in the settings.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64

from features.views import VIEWS

USER_ENTITY = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
ITEM_ENTITY = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING)
CATEGORY_ENTITY = Entity(name="category", join_keys=["category"], value_type=ValueType.STRING)
ENTITIES = {"user_id": USER_ENTITY, "item_id": ITEM_ENTITY, "category": CATEGORY_ENTITY}
TIME_TO_LIVE = timedelta(days=3650)


def definitions(folder: Path) -> list[Any]:
    """Return the entities and views to apply; `folder/<view>/*.parquet` is each view's off-line log."""
    views = []
    for view in VIEWS:
        path = folder / view.name
        path.mkdir(parents=True, exist_ok=True)
        source = FileSource(
            name=f"{view.name}_log", path=str(path), timestamp_field="event_timestamp", file_format=ParquetFormat()
        )
        views.append(
            FeatureView(
                name=view.name,
                entities=[ENTITIES[key] for key in view.keys],
                schema=[Field(name=name, dtype=Float64) for name in view.fields],
                source=source,
                ttl=TIME_TO_LIVE,
                online=True,
            )
        )
    return [*ENTITIES.values(), *views]
