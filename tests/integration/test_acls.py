"""Rights on the embedded broker: a process's login does that process's work, and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from pydantic import SecretStr

from deploy.acls import access
from deploy.clients import make_cluster
from deploy.credentials import CREDENTIALS_FILE, create_logins
from deploy.embedded import kafka
from deploy.settings import Settings
from schemas.topics import (
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_STATISTICS,
    MEMORIES,
    MODEL_UPDATES,
    PLANS,
    RANKING_LOG,
    RECOMMENDATIONS,
    TOPICS,
)
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import NO_GROUP
from tests.e2e.system import System, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
ALL = {topic.name for topic in TOPICS}


@pytest.fixture(scope="module")
def system(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system without processes: the tests log in as each of them."""
    made = System(stack, tmp_path_factory.mktemp("acls"))
    # The broker applies grants shortly after it has accepted them.
    wait_until(lambda: is_readable(made.of("application"), RECOMMENDATIONS), seconds=10, what="rights in force")
    yield made
    made.close()


def writable(settings: Settings) -> set[str]:
    """Return the topics to which this login can write."""
    cluster = make_cluster(settings)
    accepted: set[str] = set()
    refusals: set[int] = set()

    def report(error: KafkaError | None, record: Message) -> None:
        if error is None:
            accepted.add(cluster.plain(record.topic() or ""))
        else:
            refusals.add(error.code())

    producer = Producer(cluster.config({"message.timeout.ms": 10_000}))
    for topic in ALL:
        producer.produce(cluster.topic(topic), key="x", value=b"{}", on_delivery=report)
    assert producer.flush(20) == 0
    assert refusals <= {KafkaError.TOPIC_AUTHORIZATION_FAILED}
    return accepted


def is_readable(settings: Settings, topic: str) -> bool:
    """Return whether this login can read a topic from its beginning."""
    cluster = make_cluster(settings)
    name = cluster.topic(topic)
    reader = Consumer(cluster.config({"group.id": NO_GROUP, "enable.partition.eof": True}))
    # A client waits for ever for a topic that it may not even see.
    seen = reader.list_topics(name, timeout=10).topics[name].error is None
    if seen:
        reader.assign([TopicPartition(name, 0, OFFSET_BEGINNING)])
    return seen and reads(reader)


def reads(reader: Consumer) -> bool:
    """Return whether the reader's first answer is a record, or the end of a partition; close the reader."""
    [answer] = reader.consume(1, 20)
    reader.close()
    error = answer.error()
    return error is None or error.code() == KafkaError._PARTITION_EOF


@pytest.mark.parametrize("process", [rights.process for rights in access(Settings())])
def test_a_login_writes_the_topics_of_its_process_and_no_others(system: System, process: str) -> None:
    rights = next(rights for rights in access(system.settings) if rights.process == process)
    assert writable(system.of(process)) == set(rights.writes)


def test_an_application_reads_lists_and_nothing_about_people(system: System) -> None:
    own = system.of("application")
    assert is_readable(own, RECOMMENDATIONS)
    assert not any(is_readable(own, topic) for topic in (INTERACTIONS, MEMORIES, RANKING_LOG))


def test_an_application_forges_no_list_memory_plan_statistic_or_weight_and_a_worker_no_weight(system: System) -> None:
    ours = {RECOMMENDATIONS, MEMORIES, PLANS, ITEM_STATISTICS, ITEM_DELTAS, MODEL_UPDATES, RANKING_LOG}
    application = next(rights for rights in access(system.settings) if rights.process == "application")
    worker = next(rights for rights in access(system.settings) if rights.process == "worker")
    assert not ours & set(application.writes)
    assert MODEL_UPDATES not in worker.writes


def denial(action: Callable[[AdminClient], dict[object, Future[object]]], settings: Settings) -> int | None:
    """Return the error code of an action of administration; none if it succeeds."""
    admin = AdminClient(make_cluster(settings).config())
    [future] = action(admin).values()
    try:
        future.result(20)
    except KafkaException as exc:
        return int(exc.args[0].code())
    return None


@pytest.mark.parametrize("process", ["application", "worker"])
def test_a_login_deletes_no_topic_changes_no_setting_and_grants_nothing(system: System, process: str) -> None:
    name = system.cluster.topic(INTERACTIONS)
    forgetting = ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
    config = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[forgetting])
    everything = AclBinding(
        ResourceType.TOPIC,
        "*",
        ResourcePatternType.LITERAL,
        f"User:lifelong-{process}",
        "*",
        AclOperation.ALL,
        AclPermissionType.ALLOW,
    )
    forged = UserScramCredentialUpsertion("lifelong", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4_096), b"mine")
    own = system.of(process)
    assert denial(lambda admin: admin.delete_topics([name]), own) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert denial(lambda admin: admin.incremental_alter_configs([config]), own) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert denial(lambda admin: admin.create_acls([everything]), own) == KafkaError.CLUSTER_AUTHORIZATION_FAILED
    assert (
        denial(lambda admin: admin.alter_user_scram_credentials([forged]), own)
        == KafkaError.CLUSTER_AUTHORIZATION_FAILED
    )
    topic = NewTopic(system.cluster.topic("mine"), num_partitions=1, replication_factor=1)
    assert denial(lambda admin: admin.create_topics([topic]), own) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert INTERACTIONS in KafkaAdmin(system.cluster).partitions()


def test_an_application_joins_groups_of_its_own_and_not_the_workers(system: System) -> None:
    own = system.of("application")
    assert joined(own, "application-shop")
    assert joined(own, "application")
    assert not joined(own, system.settings.worker.group)
    assert not joined(own, "my-shop")


def joined(settings: Settings, group: str) -> bool:
    """Return whether this login reads the lists in a group."""
    cluster = make_cluster(settings)
    reader = Consumer(cluster.config({"group.id": cluster.topic(group), "enable.partition.eof": True}))
    reader.subscribe([cluster.topic(RECOMMENDATIONS)])
    return reads(reader)


def test_each_principal_gets_a_login_of_its_own_once(system: System, tmp_path: Path) -> None:
    kept = system.settings.kafka.model_copy(update={"sasl_mechanism": "SCRAM-SHA-512", "principal_prefix": "scram-"})
    settings = system.settings.model_copy(update={"kafka": kept, "data_dir": tmp_path})
    admin = KafkaAdmin(system.cluster)
    created = create_logins(settings, admin)
    assert created == sorted(f"scram-{rights.process}" for rights in access(settings))
    assert create_logins(settings, admin) == []
    file = tmp_path / CREDENTIALS_FILE
    assert file.stat().st_mode & 0o077 == 0
    login = tomllib.loads(file.read_text())["scram-application"]
    own = kept.model_copy(update={"sasl_username": login["sasl_username"]})
    for password, works in ((login["sasl_password"], True), ("a guess", False)):
        tried = settings.model_copy(update={"kafka": own.model_copy(update={"sasl_password": SecretStr(password)})})
        assert (kafka.problem(tried) == "") is works
