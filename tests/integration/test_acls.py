"""A broker with an authorizer: each process can do its work as its own principal, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import KafkaError, Producer
from pydantic import SecretStr

from deploy.acls import access, grants
from deploy.clients import make_cluster, make_publisher
from deploy.credentials import CREDENTIALS_FILE, create_logins
from deploy.embedded import kafka
from deploy.embedded.choices import StackChoices, is_free
from deploy.embedded.stack import Stack
from deploy.settings import KafkaSettings, RedisSettings, Settings, TopicSettings
from schemas.codec import encode
from schemas.topics import INTERACTIONS, ITEMS, RECOMMENDATIONS
from streams.log.kafka_admin import KafkaAdmin
from streams.log.kafka_client import KafkaTableReader
from tests.builders import click, item
from tests.e2e.system import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]
ADMIN, PASSWORD = "lifelong", "secret"


def login(name: str, bootstrap: str) -> KafkaSettings:
    return KafkaSettings(
        bootstrap=bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_username=name,
        sasl_password=SecretStr(PASSWORD),
    )


@pytest.fixture(scope="module")
def guarded_broker(embedded: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a broker with Kafka's authorizer and every principal of the table; yield its address."""
    folder = tmp_path_factory.mktemp("guarded")
    port, controller = [port for port in range(24_100, 24_999) if is_free(port)][:2]
    written = kafka.configuration(folder / "data", port, controller, PASSWORD)
    users = " ".join(f'user_lifelong-{rights.process}="{PASSWORD}"' for rights in access(Settings()))
    written = written.replace(f'user_{ADMIN}="{PASSWORD}";', f'user_{ADMIN}="{PASSWORD}" {users};')
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    written += "listener.name.client.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n"
    written += f"listener.name.client.scram-sha-512.sasl.jaas.config={scram}\n"
    written += "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
    written += f"super.users=User:{ADMIN}\n"
    conf = folder / "server.properties"
    conf.write_text(written)
    site = embedded._site(StackChoices({}, {}))
    kafka._fetch(site)
    kafka._format(site, conf)
    with (folder / "kafka.log").open("wb") as log:
        command = (*kafka._java(site, "-Xmx256m"), "kafka.Kafka", str(conf))
        broker = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    bootstrap = f"127.0.0.1:{port}"
    try:
        settings = Settings(kafka=login(ADMIN, bootstrap))
        wait_until(lambda: kafka.problem(settings) == "", seconds=60, what="the broker answers")
        yield bootstrap
    finally:
        broker.terminate()
        broker.wait(20)


@pytest.fixture(scope="module")
def settings(guarded_broker: str, redis_server: RedisSettings) -> Settings:
    return Settings(kafka=login(ADMIN, guarded_broker), redis=redis_server, topics=TopicSettings(prefix="acl."))


def environment(settings: Settings, process: str, data_dir: Path) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LIFELONG_")}
    return variables | {
        "LIFELONG_DATA_DIR": str(data_dir),
        "LIFELONG_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "LIFELONG_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "LIFELONG_KAFKA__SASL_USERNAME": process,
        "LIFELONG_KAFKA__SASL_PASSWORD": PASSWORD,
        "LIFELONG_REDIS__URL": settings.redis.url.get_secret_value(),
        "LIFELONG_TOPICS__PREFIX": settings.topics.prefix,
        "COLUMNS": "300",
    }


def run(settings: Settings, data_dir: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    variables = environment(settings, ADMIN, data_dir)
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=True).stdout


def as_process(settings: Settings, name: str) -> Settings:
    return settings.model_copy(update={"kafka": login(f"lifelong-{name}", settings.kafka.bootstrap)})


def test_each_process_does_its_work_as_its_own_principal_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    output = run(settings, tmp_path, "topics", "create")
    assert f"Granted {len(grants(settings))} rights to User:lifelong-worker" in output
    processes = []
    for name in ("statistics", "worker"):
        with (tmp_path / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "deploy.cli", name]
            variables = environment(settings, f"lifelong-{name}", tmp_path)
            processes.append(subprocess.Popen(command, env=variables, stdout=log, stderr=subprocess.STDOUT))
    try:
        application = make_publisher(as_process(settings, "application"), receipts=True)
        application.deliver(ITEMS, [("war-0", encode(item("war-0", "war")))])
        application.deliver(INTERACTIONS, [("ann", encode(click("ann", "war-0")))])
        application.close()

        def has_list() -> bool:
            reader = KafkaTableReader(make_cluster(as_process(settings, "gateway")), (RECOMMENDATIONS,))
            try:
                return any(record.key == b"ann" for record in reader.catch_up())
            finally:
                reader.close()

        wait_until(has_list, seconds=60, what="a list for ann")
        assert all(process.poll() is None for process in processes)
    finally:
        for process in processes:
            psutil.Process(process.pid).terminate()
            process.wait(20)
    assert refusal(as_process(settings, "gateway"), RECOMMENDATIONS) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert refusal(as_process(settings, "projector"), INTERACTIONS) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert refusal(as_process(settings, "gateway"), INTERACTIONS) is None


def refusal(settings: Settings, topic: str) -> int | None:
    """Return the error code of a write to a topic; none if it is allowed."""
    errors: list[KafkaError | None] = []
    cluster = make_cluster(settings)
    producer = Producer(cluster.config({"message.timeout.ms": 10_000}))
    producer.produce(cluster.topic(topic), key="x", value=b"{}", on_delivery=lambda error, _: errors.append(error))
    producer.flush(15)
    return errors[0].code() if errors[0] is not None else None


def test_each_principal_gets_a_login_of_its_own_once(settings: Settings, tmp_path: Path) -> None:
    keeps = settings.kafka.model_copy(update={"sasl_mechanism": "SCRAM-SHA-512"})
    scram_settings = settings.model_copy(update={"kafka": keeps, "data_dir": tmp_path})
    admin = KafkaAdmin(make_cluster(settings))
    created = create_logins(scram_settings, admin)
    assert created == sorted(f"lifelong-{rights.process}" for rights in access(settings))
    assert create_logins(scram_settings, admin) == []
    file = tmp_path / CREDENTIALS_FILE
    assert file.stat().st_mode & 0o077 == 0
    login = tomllib.loads(file.read_text())["lifelong-application"]
    own = keeps.model_copy(update={"sasl_username": login["sasl_username"]})
    for password, works in ((login["sasl_password"], True), ("a guess", False)):
        tried = settings.model_copy(update={"kafka": own.model_copy(update={"sasl_password": SecretStr(password)})})
        assert (kafka.problem(tried) == "") is works
