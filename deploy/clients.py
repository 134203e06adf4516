"""Makes the clients of the servers that the settings name. A client connects when it is first used."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.encoders import memory_encoder, text_encoders
from deploy.settings import MilvusSettings, RedisSettings, Settings, SettingsError, TritonSettings
from features.item_content import CONTENT_DIMENSIONS
from features.redis_state import RedisStateStore, redis_tls
from schemas.tls import PLAIN_TLS, TlsFiles
from schemas.topics import BY_NAME, TOPICS
from streams.log.kafka_client import Cluster, KafkaPublisher
from streams.state.partition_store import PEOPLE, PROJECTED_PEOPLE

if TYPE_CHECKING:
    from agents.actions.milvus_items import MilvusItems
    from agents.memory.milvus_memory import MilvusMemory
    from agents.milvus_collection import Address
    from features.feast_store import FeastStore
    from inference.encoders.ports import Encoder

wall_clock = time.time  # noqa: TID251 - the one place where the wall clock enters


def make_cluster(settings: Settings) -> Cluster:
    """Return how to reach Kafka.

    Raises:
        SettingsError: no broker is set and none was started.
    """
    kafka = settings.kafka
    if not kafka.bootstrap:
        raise SettingsError("setting kafka.bootstrap is empty: `lifelong up` starts a broker, or name your own")
    return Cluster(
        bootstrap=kafka.bootstrap,
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        sasl_username=kafka.sasl_username,
        sasl_password=kafka.sasl_password.get_secret_value(),
        ssl_ca_location=kafka.ssl_ca_location,
        ssl_certificate_location=kafka.ssl_certificate_location,
        ssl_key_location=kafka.ssl_key_location,
        ssl_key_password=kafka.ssl_key_password.get_secret_value(),
        prefix=settings.topics.prefix,
    )


def topic_partitions(settings: Settings) -> dict[str, int]:
    """Return the number of partitions of each topic."""
    counts = {"person": settings.topics.person_partitions, "item": settings.topics.item_partitions, "one": 1}
    return {topic.name: counts[BY_NAME[topic.name].spread] for topic in TOPICS}


def make_publisher(settings: Settings, *, linger_ms: float = 2.0, receipts: bool = False) -> KafkaPublisher:
    """Return a publisher to all topics; `receipts` make it return offsets."""
    return KafkaPublisher(make_cluster(settings), topic_partitions(settings), linger_ms=linger_ms, receipts=receipts)


def make_store(settings: Settings, *, timeout_seconds: float = 2.0) -> RedisStateStore:
    """Return the state store; its keys carry the topics' prefix, so that systems can share a server."""
    prefix = f"lifelong:{settings.topics.prefix}"
    return RedisStateStore(
        redis_url(settings), prefix=prefix, timeout_seconds=timeout_seconds, tls=tls_files(settings.redis)
    )


def flink_group(group: str) -> str:
    """Return the consumer group, without the prefix, that shows how far a job is that stands for this group.

    >>> flink_group("worker")
    'worker-flink'
    """
    return f"{group}-flink"


def user_group(settings: Settings) -> str:
    """Return the consumer group whose committed offsets say how far users' records are handled."""
    group = settings.worker.group
    return flink_group(group) if settings.worker.engine == "flink" else group


def user_scope(settings: Settings) -> str:
    """Return the scope of the state store in which users' records are read: with Flink they are projected there."""
    return PROJECTED_PEOPLE if settings.worker.engine == "flink" else PEOPLE


def tls_files(server: RedisSettings | MilvusSettings | TritonSettings) -> TlsFiles:
    """Return the files of TLS that the settings of a server name."""
    return TlsFiles(
        authority=server.ssl_ca_location, certificate=server.ssl_certificate_location, key=server.ssl_key_location
    )


def redis_url(settings: Settings) -> str:
    """Return the Redis server's URL.

    Raises:
        SettingsError: no server is set and none was started.
    """
    url = settings.redis.url.get_secret_value()
    if not url:
        raise SettingsError("setting redis.url is empty: `lifelong up` starts a server, or name your own")
    return url


def triton_tls(settings: Settings) -> TlsFiles | None:
    """Return the files of TLS for Triton, none if it is reached without TLS."""
    return tls_files(settings.triton) if settings.triton.ssl else None


def feast_redis(url: str, tls: TlsFiles = PLAIN_TLS) -> str:
    """Return a Redis URL in the form that Feast expects.

    >>> feast_redis("redis://:secret@127.0.0.1:6379/0")
    '127.0.0.1:6379,db=0,password=secret'
    >>> feast_redis("rediss://db.example", TlsFiles(authority="/ca.pem"))
    'db.example:6379,db=0,ssl=true,ssl_ca_certs=/ca.pem'
    """
    parts = urlsplit(url)
    words = [f"{parts.hostname}:{parts.port or 6379}", f"db={parts.path.strip('/') or 0}"]
    words += [f"username={parts.username}"] if parts.username else []
    words += [f"password={parts.password}"] if parts.password else []
    if parts.scheme == "rediss":
        words += ["ssl=true", *(f"{name}={path}" for name, path in redis_tls(url, tls).items())]
    return ",".join(words)


def make_feast(settings: Settings) -> FeastStore:
    """Return the feature store, with Lifelong's feature views applied."""
    from features.feast_store import FeastStore

    project = _identifier(f"lifelong_{settings.topics.prefix}".rstrip("_"))
    redis = feast_redis(redis_url(settings), tls_files(settings.redis))
    store = FeastStore(
        settings.data_dir / "feast" / project,
        redis=redis,
        project=project,
        retention_days=settings.projector.offline_retention_days,
    )
    store.apply()
    return store


def milvus_address(settings: Settings) -> Address:
    """Return how to reach Milvus.

    Raises:
        SettingsError: no server is set and none was started.
    """
    from agents.milvus_collection import Address

    milvus = settings.milvus
    if not milvus.uri:
        raise SettingsError("setting milvus.uri is empty: `lifelong up` starts a server, or name your own")
    return Address(
        uri=milvus.uri,
        token=milvus.token.get_secret_value(),
        timeout_seconds=milvus.timeout_seconds,
        tls=tls_files(milvus),
    )


def make_memory_index(settings: Settings, *, writes: bool = False) -> MilvusMemory:
    """Return the index of memories by similarity, in the vectors of `deploy.encoders.memory_encoder`.

    Whoever `writes` makes the collection, and drops those of other encoders and of their earlier versions.
    """
    from agents.memory.milvus_memory import MilvusMemory

    encoder = memory_encoder(settings)
    names = "|".join(_identifier(each.name) for each in text_encoders().values())
    family = re.compile(rf"{_collection(settings, 'memories')}(_({names})_\d+)?")
    return MilvusMemory(
        milvus_address(settings),
        collection=_memories_of(settings, encoder),
        width=encoder.width,
        creates=writes,
        family=family,
    )


def _memories_of(settings: Settings, encoder: type[Encoder[str]]) -> str:
    return _collection(settings, f"memories_{encoder.name}_{encoder.version}")


def make_item_index(settings: Settings) -> MilvusItems:
    """Return the index of items by similarity of content."""
    from agents.actions.milvus_items import MilvusItems

    return MilvusItems(milvus_address(settings), width=CONTENT_DIMENSIONS, collection=_collection(settings, "items"))


def make_factor_index(settings: Settings) -> MilvusItems:
    """Return the index of items by similarity of learned factors: similar items are chosen by the same users."""
    from agents.actions.milvus_items import MilvusItems
    from features.item_factors import FACTOR_DIMENSIONS

    return MilvusItems(
        milvus_address(settings), width=FACTOR_DIMENSIONS, collection=_collection(settings, "item_factors")
    )


def milvus_collections(settings: Settings) -> tuple[str, ...]:
    """Return the names of Lifelong's collections; each is created when it is first written to."""
    memories = _memories_of(settings, memory_encoder(settings))
    return (memories, *(_collection(settings, name) for name in ("items", "item_factors")))


def _collection(settings: Settings, name: str) -> str:
    return _identifier(f"{settings.topics.prefix}{name}")


def _identifier(name: str) -> str:
    """Return a name that Milvus and Feast accept: letters, digits and underscores.

    >>> _identifier("shop.items")
    'shop_items'
    """
    return "".join(letter if letter.isalnum() else "_" for letter in name)
