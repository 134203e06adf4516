"""Settings of the processes that handle streams: worker, aggregator, trainer, projector and perceiver."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from deploy.settings.section import SettingsSection


class WorkerSettings(SettingsSection):
    """The process that folds users' events, re-plans, ranks and publishes lists.

    With ``engine`` "flink" a job on Flink does it, by the settings of the section ``flink``; the process submits it and
    watches over it.
    """

    engine: Literal["python", "flink"] = "python"
    group: str = "lifelong-worker"
    batch_max: int = Field(default=2_000, ge=1)
    batch_within_ms: float = Field(default=4.0, gt=0)
    session_timeout_ms: int = Field(default=10_000, ge=1_000)
    stall_seconds: float = Field(default=30.0, gt=0)
    prequential_rate: float = Field(default=1.0, ge=0, le=1)
    prequential_per_batch: int = Field(default=4, ge=1)
    overload_seconds: float = Field(default=1.0, gt=0)
    metrics_port: int = Field(default=0, ge=0, le=65535)


class StatisticsSettings(SettingsSection):
    """The item-statistics aggregator: folds item deltas and publishes item statistics.

    With ``engine`` "flink" a job on Flink does it, by the settings of the section ``flink``; the process submits it and
    watches over it.
    """

    engine: Literal["python", "flink"] = "python"
    group: str = "lifelong-statistics"
    window_seconds: float = Field(default=0.5, gt=0)
    metrics_port: int = Field(default=0, ge=0, le=65535)


def _challenger_name(name: str) -> str:
    """Return the name of a challenger; refuse names that the trainer gives to other variants.

    >>> _challenger_name("faster")
    'faster'
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name) or name == "default" or name.startswith("loaded-"):
        raise ValueError("a name has lower-case letters, digits and hyphens, and is neither 'default' nor 'loaded-…'")
    return name


class ChallengerSettings(SettingsSection):
    """A model variant that learns beside the champion: ``rate`` scales its learning rate, ``replays`` is how many past
    examples it learns again with each new one.
    """

    rate: float = Field(default=1.0, gt=0)
    replays: int = Field(default=2, ge=0, le=64)
    seed: int = Field(default=0, ge=0)


class TrainerSettings(SettingsSection):
    """The process that learns from the ranking log and publishes weights.

    After a crash it relearns at most the entries of ``checkpoint_every_seconds``. ``rate``, ``replays`` and ``seed``
    configure the variant that serves first, ``challengers`` the others, by name; each costs about as much processor
    time as the first. An empty table means no challengers.
    """

    group: str = "lifelong-trainer"
    publish_every_seconds: float = Field(default=2.0, gt=0)
    checkpoint_every_seconds: float = Field(default=30.0, gt=0)
    item_vectors: bool = True
    rate: float = Field(default=1.0, gt=0)
    replays: int = Field(default=2, ge=0, le=64)
    seed: int = Field(default=0, ge=0)
    challengers: dict[Annotated[str, AfterValidator(_challenger_name)], ChallengerSettings] = {
        "faster": ChallengerSettings(rate=2.0),
        "slower": ChallengerSettings(rate=0.5),
    }
    metrics_port: int = Field(default=0, ge=0, le=65535)


class PromotionSettings(SettingsSection):
    """The promotion policy. A challenger is promoted once its gain exceeds the champion's by ``minimum_effect`` (gain:
    1 / log2(1 + rank) of the chosen item); ``level`` is the probability that a champion is ever replaced by a variant
    that is no better. A challenger that is undecided after ``horizon`` examples is refused and cools down for
    ``cool_down`` examples, doubled each of the first six times. Gains are compared in blocks of ``block``; a user
    counts once in each.
    """

    level: float = Field(default=0.05, gt=0, lt=1)
    minimum_effect: float = Field(default=0.002, ge=0, lt=1)
    horizon: int = Field(default=20_000, ge=1)
    cool_down: int = Field(default=2_000, ge=0)
    block: int = Field(default=64, ge=1, le=4_096)


class ProjectorSettings(SettingsSection):
    """The process that writes behind: feature rows to Feast, memories and items to Milvus.

    Feast's off-line log keeps rows for ``offline_retention_days`` from the day (UTC) on which they were written.
    """

    group: str = "lifelong-projector"
    offline_retention_days: float = Field(default=365.0, ge=1)
    metrics_port: int = Field(default=0, ge=0, le=65535)


class PerceptionSettings(SettingsSection):
    """The perceiver: encodes texts and pictures of items, and what users show, search for and write.

    It runs if ``enabled``; the default encoders need the extra ``perception``. Pictures of the catalogue may be
    ``data:`` URIs, files below ``file_roots``, or on ``http_hosts``; users may show ``data:`` URIs and pictures of
    ``http_hosts``. What a user showed draws their lists for ``intent_hours``. ``device`` is torch's name of the
    processor that encodes pictures, such as "cuda".
    """

    enabled: bool = False
    text_encoder: Literal["sentences", "hashed-words"] = "sentences"
    image_encoder: Literal["efficientnet", "colour-layout"] = "efficientnet"
    device: str = "cpu"
    intent_hours: float = Field(default=24.0, gt=0)
    file_roots: list[Path] = []
    http_hosts: list[str] = []
    image_bytes_limit: int = Field(default=5_000_000, ge=1)
    image_pixels_limit: int = Field(default=40_000_000, ge=64)
    fetch_seconds: float = Field(default=5.0, gt=0)
    group: str = "lifelong-perceiver"
    metrics_port: int = Field(default=0, ge=0, le=65535)
