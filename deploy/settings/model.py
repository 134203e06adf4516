"""All settings, by section; adding a section is a class and a line here."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from deploy.settings.agents import AgentSettings, LlmSettings, ToolSettings
from deploy.settings.gateway import GatewaySettings
from deploy.settings.lists import ExperimentSettings, FeatureSettings, RankingSettings
from deploy.settings.processes import (
    PerceptionSettings,
    ProjectorSettings,
    PromotionSettings,
    StatisticsSettings,
    TrainerSettings,
    WorkerSettings,
)
from deploy.settings.servers import (
    EmbeddedSettings,
    FlinkSettings,
    KafkaSettings,
    MilvusSettings,
    RedisSettings,
    TopicSettings,
    TritonSettings,
)


class Settings(BaseSettings):
    """All settings, by section."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="LIFELONG_", env_nested_delimiter="__")

    data_dir: Path = Path(".lifelong")
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    milvus: MilvusSettings = MilvusSettings()
    triton: TritonSettings = TritonSettings()
    topics: TopicSettings = TopicSettings()
    worker: WorkerSettings = WorkerSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    trainer: TrainerSettings = TrainerSettings()
    promotion: PromotionSettings = PromotionSettings()
    experiment: ExperimentSettings = ExperimentSettings()
    projector: ProjectorSettings = ProjectorSettings()
    perception: PerceptionSettings = PerceptionSettings()
    gateway: GatewaySettings = GatewaySettings()
    agents: AgentSettings = AgentSettings()
    tools: ToolSettings = ToolSettings()
    llm: LlmSettings = LlmSettings()
    ranking: RankingSettings = RankingSettings()
    features: FeatureSettings = FeatureSettings()
    flink: FlinkSettings = FlinkSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: environment first, then the files' values (passed to the constructor), then defaults."""
        return (env_settings, init_settings)
