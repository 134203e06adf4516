"""Settings: typed, frozen, nested, read once at the start of a process and passed down as values.

Sources, in order of precedence:

1. environment variables, ``LIFELONG_KAFKA__BOOTSTRAP=broker:9092`` (two underscores step into a section)
2. ``lifelong.toml`` in the working directory, or the file that ``LIFELONG_CONFIG`` names
3. ``<data_dir>/endpoints.toml``, which ``lifelong up`` writes for the servers that it starts
4. the defaults below

An unknown or invalid setting is refused at start with its name, its value and what is allowed.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as PydanticSettingsError

from deploy import settings_checks
from schemas.bounds import SLATE_LENGTH
from schemas.errors import LifelongError

ENDPOINTS_FILE = "endpoints.toml"


class SettingsError(LifelongError):
    """A setting is unknown, missing or has a value that is not allowed."""


class SettingsSection(BaseModel):
    """A group of settings: immutable, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(SettingsSection):
    """Where Kafka is. An empty ``bootstrap`` means the broker that ``lifelong up`` starts. ``principal_prefix`` and the
    name of a process form the principal to which ``lifelong topics create`` grants rights.
    """

    bootstrap: str = ""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    ssl_ca_location: str = ""
    principal_prefix: str = "lifelong-"


class RedisSettings(SettingsSection):
    """Where states and online features are stored. An empty ``url`` means the server that ``lifelong up`` starts."""

    url: SecretStr = SecretStr("")


class MilvusSettings(SettingsSection):
    """Where item vectors and memories are searched. An empty ``uri`` means the server that ``lifelong up`` starts."""

    uri: str = ""
    token: SecretStr = SecretStr("")
    timeout_seconds: float = Field(default=2.0, gt=0)


class TritonSettings(SettingsSection):
    """Where the ranker is served (gRPC ``host:port``). Empty means the server that ``lifelong up`` starts."""

    grpc: str = ""
    timeout_seconds: float = Field(default=0.1, gt=0)


class TopicSettings(SettingsSection):
    """Names, partitions, replication and retention of topics."""

    prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]*$")
    person_partitions: int = Field(default=4, ge=1, le=1024)
    item_partitions: int = Field(default=4, ge=1, le=1024)
    replication: int = Field(default=1, ge=1)
    interactions_retention_days: float = Field(default=3650, gt=0)


class WorkerSettings(SettingsSection):
    """The process that folds users' events, re-plans, ranks and publishes lists."""

    group: str = "lifelong-worker"
    batch_max: int = Field(default=200, ge=1)
    batch_within_ms: float = Field(default=12.0, gt=0)
    session_timeout_ms: int = Field(default=10_000, ge=1_000)
    stall_seconds: float = Field(default=30.0, gt=0)
    prequential_rate: float = Field(default=1.0, ge=0, le=1)
    prequential_per_batch: int = Field(default=4, ge=1)
    metrics_port: int = Field(default=0, ge=0, le=65535)


class StatisticsSettings(SettingsSection):
    """The item-statistics aggregator: folds item deltas and publishes item statistics."""

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
    ``cool_down`` examples, doubled each time. Gains are compared in blocks of ``block``; a user counts once in each.
    """

    level: float = Field(default=0.05, gt=0, lt=1)
    minimum_effect: float = Field(default=0.002, ge=0, lt=1)
    horizon: int = Field(default=20_000, ge=1)
    cool_down: int = Field(default=2_000, ge=0)
    block: int = Field(default=64, ge=1, le=4_096)


def _arm_name(name: str) -> str:
    """Return the name of an arm; refuse `control`, which is reserved for users in no other arm.

    >>> _arm_name("bold")
    'bold'
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name) or name == "control":
        raise ValueError("a name has lower-case letters, digits and hyphens, and is not 'control', the arm of the rest")
    return name


def _share(share: float) -> float:
    """Return a share of users; refuse one smaller than the ten thousandth part that users are divided into."""
    if 0.0 < share < 0.0001:
        raise ValueError("users are divided into ten thousand parts: a share is 0, or 0.0001 or more")
    return share


def _shares(arms: dict[str, ArmSettings]) -> dict[str, ArmSettings]:
    """Return the arms; refuse shares that sum to more than 1."""
    total = sum(arm.share for arm in arms.values())
    if total > 1.0 + 1e-9:
        raise ValueError(f"the shares of the arms sum to {total:g}, and may sum to 1 at most")
    return arms


class ArmSettings(SettingsSection):
    """An arm with ``share`` of the users. ``variant`` ranks for them: ``champion`` is the current champion, ``default``
    the variant that served first, or it is one of ``trainer.challengers``. ``exploration`` overrides that of
    ``ranking``. An arm with a share of 0 is a shadow: it has no users, and only records what it would have ranked.
    """

    share: Annotated[float, AfterValidator(_share)] = Field(default=0.0, ge=0, le=1)
    variant: str = "champion"
    exploration: float | None = Field(default=None, ge=0, le=1)


class ExperimentSettings(SettingsSection):
    """Arms that are compared with each other. The ``name`` and the user's id decide the arm: another name assigns users
    anew. Users in no arm are in ``control``, and get the lists that everybody gets without an experiment.
    """

    name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$")
    arms: Annotated[
        dict[Annotated[str, AfterValidator(_arm_name)], ArmSettings], Field(max_length=16), AfterValidator(_shares)
    ] = {}


class ProjectorSettings(SettingsSection):
    """The process that writes behind: feature rows to Feast, memories and items to Milvus."""

    group: str = "lifelong-projector"
    metrics_port: int = Field(default=0, ge=0, le=65535)


class GatewaySettings(SettingsSection):
    """The HTTP gateway. If ``api_keys`` is empty, ``lifelong up`` generates a key and ``lifelong status`` shows it.

    A POST that Kafka does not acknowledge within ``post_timeout_seconds`` is answered with 503. On SIGTERM,
    ``/health/ready`` answers 503 for ``drain_seconds`` before connections are refused. Cached lists take ``cache_mb``
    at most. While more than ``backlog_max`` events wait for workers, more are answered with 429; 0 sets no bound.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    api_keys: tuple[SecretStr, ...] = ()
    post_timeout_seconds: float = Field(default=5.0, gt=0)
    drain_seconds: float = Field(default=1.0, ge=0)
    backlog_max: int = Field(default=200_000, ge=0)
    body_mb: float = Field(default=5.0, gt=0)
    cache_mb: float = Field(default=512.0, gt=0)


class RankingSettings(SettingsSection):
    """How lists are ranked, explored and expired.

    ``exploration`` is the share of lists drawn from the ``exploration_top`` best candidates, with logged propensities;
    a plan's own rate overrides it, but 0 draws none, whatever plans say. At ``exploration_temperature`` 1 the
    ranker's softmax is drawn from; lower is greedier.

    With ``expires`` "learn" a user's list is valid for as long as such lists have done better than non-personalised
    ones, at most ``expires_at_most_seconds``; until that is known, and with "fixed", for ``expires_seconds``.
    """

    slate_size: int = Field(default=10, ge=1, le=SLATE_LENGTH)
    candidates: int = Field(default=150, ge=10, le=2_000)
    repeats: Literal["allow", "forbid", "learn"] = "learn"
    expires: Literal["learn", "fixed"] = "learn"
    expires_seconds: float = Field(default=3_600.0, gt=0)
    expires_at_most_seconds: float = Field(default=7 * 86_400.0, gt=0)
    default_every_seconds: float = Field(default=1.0, gt=0)
    exploration: float = Field(default=0.0, ge=0, le=1)
    exploration_temperature: float = Field(default=1.0, ge=0.01, le=100)
    exploration_top: int = Field(default=30, ge=2, le=200)


class FeatureSettings(SettingsSection):
    """Features of other teams, joined into ranking: ``view:field`` as Feast names them."""

    external: tuple[str, ...] = ()
    external_ttl_seconds: float = Field(default=60.0, gt=0)


class EmbeddedSettings(SettingsSection):
    """Ports of the servers that ``lifelong up`` starts; 0 chooses a free one, once per data directory."""

    kafka_port: int = Field(default=0, ge=0, le=65535)
    redis_port: int = Field(default=0, ge=0, le=65535)
    milvus_port: int = Field(default=0, ge=0, le=65535)
    triton_port: int = Field(default=0, ge=0, le=65535)
    kafka_heap_mb: int = Field(default=512, ge=128)


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
    gateway: GatewaySettings = GatewaySettings()
    ranking: RankingSettings = RankingSettings()
    features: FeatureSettings = FeatureSettings()
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


def config_path() -> Path:
    """Return the user's settings file; it need not exist, unless `LIFELONG_CONFIG` names it."""
    return Path(os.environ.get(settings_checks.CONFIG, "lifelong.toml"))


class Layers(BaseModel):
    """The values of each source, in order of precedence, and the paths of the last two."""

    environment: dict[str, Any]
    own: dict[str, Any]
    own_path: Path
    endpoints: dict[str, Any] = {}
    endpoints_path: Path


def load_settings(*, with_endpoints: bool = True) -> Settings:
    """Read the settings from all sources.

    ``with_endpoints=False`` ignores the file that ``lifelong up`` writes: so ``up`` itself distinguishes servers of the
    user from those that it starts.

    Raises:
        SettingsError: a setting is unknown or invalid; the message names it, its value and what is allowed.
    """
    return load_layers(with_endpoints=with_endpoints)[0]


def load_layers(*, with_endpoints: bool = True) -> tuple[Settings, Layers]:
    """Return the settings as `load_settings`, and the values of each source."""
    path = config_path()
    _refuse(settings_checks.missing_config(os.environ, path.is_file()))
    own = _read_toml(path)
    base = _validated(own)
    endpoints_path = base.data_dir / ENDPOINTS_FILE
    endpoints = _read_toml(endpoints_path) if with_endpoints else {}
    env = EnvSettingsSource(Settings)()
    layers = Layers(environment=env, own=own, own_path=path, endpoints=endpoints, endpoints_path=endpoints_path)
    return (_validated(_merged(endpoints, own)) if endpoints else base), layers


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{str(path)!r} is not TOML: {exc}; correct it or remove it") from exc
    except OSError as exc:
        raise SettingsError(f"{str(path)!r} cannot be read: {exc.strerror}; make it readable or remove it") from exc


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return two nested tables merged; ``over`` wins.

    >>> _merged({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}})
    {'a': {'x': 3, 'y': 2}}
    """
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _validated(values: dict[str, Any]) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as exc:
        raise SettingsError(settings_checks.explained(exc, Settings)) from exc
    except PydanticSettingsError as exc:
        raise SettingsError(f"{exc}: a table or list in the environment is written as JSON") from exc
    _refuse(settings_checks.unknown_variable(os.environ, Settings))
    _refuse(settings_checks.incomplete_experiment(settings))
    return settings


def _refuse(problem: str) -> None:
    if problem:
        raise SettingsError(problem)


__all__ = ["Layers", "Settings", "SettingsError", "config_path", "load_layers", "load_settings"]
