"""Settings: typed, frozen, nested, read once at the start of a process and passed down as values.

Sources, in order of precedence:

1. environment variables, ``LIFELONG_KAFKA__BOOTSTRAP=broker:9092`` (two underscores step into a section)
2. ``lifelong.toml`` in the working directory, or the file that ``LIFELONG_CONFIG`` names
3. ``<data_dir>/endpoints.toml``, which ``lifelong up`` writes for the servers that it starts
4. the defaults below

An unknown or invalid setting is refused at start with its name, its value and what is allowed.
"""

from __future__ import annotations

from deploy.settings.agents import LlmSettings, ToolSettings
from deploy.settings.gateway import GatewaySettings
from deploy.settings.lists import RankingSettings
from deploy.settings.loading import ENDPOINTS_FILE, Layers, SettingsError, config_path, load_layers, load_settings
from deploy.settings.model import Settings
from deploy.settings.processes import PerceptionSettings, StatisticsSettings, TrainerSettings, WorkerSettings
from deploy.settings.servers import (
    EmbeddedSettings,
    FlinkSettings,
    KafkaSettings,
    MilvusSettings,
    RedisSettings,
    TopicSettings,
    TritonSettings,
)

__all__ = [
    "ENDPOINTS_FILE",
    "EmbeddedSettings",
    "FlinkSettings",
    "GatewaySettings",
    "KafkaSettings",
    "Layers",
    "LlmSettings",
    "MilvusSettings",
    "PerceptionSettings",
    "RankingSettings",
    "RedisSettings",
    "Settings",
    "SettingsError",
    "StatisticsSettings",
    "ToolSettings",
    "TopicSettings",
    "TrainerSettings",
    "TritonSettings",
    "WorkerSettings",
    "config_path",
    "load_layers",
    "load_settings",
]
