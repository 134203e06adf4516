"""A feature store on Feast: rows written on-line (Redis) and off-line (Parquet), read in bulk, joined by time."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from redis.exceptions import RedisError

from features.feast_repo import (
    Feast,
    FeatureViewNotFoundException,
    RepoConfig,
    deserialize_entity_key,
    serialize_entity_key_prefix,
)
from features.feast_repo.definitions import definitions
from features.offline.log import OfflineLog
from features.ports import FeatureRow, OfflineSize
from features.views import USER_KEY, VIEWS, External
from schemas.errors import StoreUnavailable
from schemas.ids import UserId

PROJECT = "lifelong"
SCANNED_AT_ONCE = 1_000
JOIN_ATTEMPTS = 3
"""How often a join is tried: merges remove files that a slow one has listed."""
logger = logging.getLogger(__name__)


class FeastStore:
    """A `FeatureStore` on Feast. `folder` holds the registry and the off-line log; `project` separates deployments.

    On-line rows carry a time that strictly increases per entity: Feast drops a row whose time is not after the stored
    one, so that writing the same row twice is harmless.
    """

    def __init__(self, folder: Path, *, redis: str, project: str = PROJECT, retention_days: float = 365.0) -> None:
        self._folder = (folder / "offline").absolute()
        self._log = OfflineLog(self._folder, [view.name for view in VIEWS], retention_days=retention_days)
        config = RepoConfig(
            project=project,
            provider="local",
            registry={
                "registry_type": "file",
                "path": str((folder / "registry.db").absolute()),
                "cache_ttl_seconds": 60,
            },
            online_store={"type": "redis", "connection_string": redis},
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
        folder.mkdir(parents=True, exist_ok=True)
        self._feast = Feast(config=config)

    def apply(self) -> None:
        """Add entities and views to the registry; existing ones stay."""
        self._feast.apply(definitions(self._folder))

    def write(self, rows: Sequence[FeatureRow], *, now: float) -> None:
        """See `features.ports.FeatureStore`.

        Raises:
            StoreUnavailable: the on-line store does not answer; call again with the same rows.
        """
        for view in VIEWS:
            view_rows = [row for row in rows if row.view == view.name]
            if not view_rows:
                continue
            frame = _frame(view_rows)
            self._log.append(view.name, pa.Table.from_pandas(frame, preserve_index=False), now)
            try:
                self._feast.write_to_online_store(view.name, frame)
            except (RedisError, ConnectionError, TimeoutError) as exc:
                raise StoreUnavailable(f"Feast's on-line store does not answer: {exc}") from exc

    def compact(self, now: float) -> dict[str, OfflineSize]:
        """See `features.ports.FeatureStore`."""
        self._log.compact(now)
        return self._log.sizes

    def online(self, view: str, entities: Sequence[dict[str, str]]) -> list[dict[str, float | None]]:
        """See `features.ports.FeatureStore`.

        Raises:
            StoreUnavailable: the on-line store does not answer.
            FeatureViewNotFoundException: there is no such view.
        """
        names = [field.name for field in self._feast.get_feature_view(view).features]
        return self._read([f"{view}:{name}" for name in names], names, entities)

    def erase(self, users: Collection[UserId]) -> None:
        """See `features.ports.FeatureStore`. It looks at every key of the on-line store, and reads the off-line log.

        Raises:
            StoreUnavailable: the on-line store does not answer; call again with the same users.
        """
        self._log.erase(users)
        try:
            if keys := list(self._online_keys(users)):
                self._on_line_redis().delete(*keys)
        except (RedisError, ConnectionError, TimeoutError) as exc:
            raise StoreUnavailable(f"Feast's on-line store does not answer: {exc}") from exc

    def rows_of(self, user: UserId, *, until: float) -> tuple[int, int]:
        """Return how many entities on-line, and how many rows of the off-line log up to this time, are about a user.

        Raises:
            StoreUnavailable: the on-line store does not answer.
        """
        try:
            on_line = sum(1 for _ in self._online_keys([user]))
        except (RedisError, ConnectionError, TimeoutError) as exc:
            raise StoreUnavailable(f"Feast's on-line store does not answer: {exc}") from exc
        return on_line, self._log.rows_of(user, until=until)

    def _online_keys(self, users: Collection[UserId]) -> Iterator[bytes]:
        """Yield the keys of the on-line store whose entity is one of these users, alone or with a category."""
        wanted, project = set(users), self._feast.config.project.encode()
        for names in {view.keys for view in VIEWS if USER_KEY in view.keys}:
            pattern = serialize_entity_key_prefix(list(names)) + b"*" + project
            for key in self._on_line_redis().scan_iter(pattern, count=SCANNED_AT_ONCE):
                entity = deserialize_entity_key(key[: len(key) - len(project)])
                values = dict(zip(entity.join_keys, entity.entity_values, strict=True))
                if USER_KEY in values and values[USER_KEY].string_val in wanted:
                    yield key

    def _on_line_redis(self) -> Any:
        provider: Any = self._feast._get_provider()
        return provider.online_store._get_client(self._feast.config.online_store)

    def _read(
        self, references: Sequence[str], names: Sequence[str], entities: Sequence[dict[str, str]]
    ) -> list[dict[str, float | None]]:
        if not entities:
            return []
        try:
            answer = self._feast.get_online_features(features=list(references), entity_rows=list(entities)).to_dict()
        except (RedisError, ConnectionError, TimeoutError) as exc:
            raise StoreUnavailable(f"Feast's on-line store does not answer: {exc}") from exc
        return [{name: answer[name][index] for name in names} for index in range(len(entities))]

    def read_external(self, rows: Sequence[External], users: Sequence[str]) -> list[dict[str, float | None]]:
        """Return other teams' features of these users, in one read; none where there is no row or no such view.

        Raises:
            StoreUnavailable: the on-line store does not answer.
        """
        names = [row.name for row in rows]
        references = [f"{row.view}:{row.name}" for row in rows]
        try:
            return self._read(references, names, [{"user_id": user} for user in users])
        except FeatureViewNotFoundException:
            return [dict.fromkeys(names) for _ in users]

    def historical(self, features: Sequence[str], rows: Sequence[tuple[Mapping[str, str], float]]) -> pd.DataFrame:
        """Return each entity's features (`view:name`) as of its time: a point-in-time join over the off-line log.

        Raises:
            FileNotFoundError: files were merged and removed while they were read, several times; call again.
        """
        frame = pd.DataFrame(
            [{**entity, "event_timestamp": _time(at), "_row": index} for index, (entity, at) in enumerate(rows)]
        )
        joined = self._joined(frame, features)
        return joined.sort_values("_row").drop(columns="_row").reset_index(drop=True)

    def _joined(self, frame: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        for _ in range(JOIN_ATTEMPTS - 1):
            try:
                return self._feast.get_historical_features(entity_df=frame, features=list(features)).to_df()
            except FileNotFoundError as exc:
                logger.info("the off-line log was merged meanwhile, it is joined again: %s", exc)
        return self._feast.get_historical_features(entity_df=frame, features=list(features)).to_df()


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC)


def _frame(rows: Sequence[FeatureRow]) -> pd.DataFrame:
    records: list[dict[str, Any]] = [{**row.entity, **row.values, "event_timestamp": _time(row.at)} for row in rows]
    return pd.DataFrame.from_records(records)
