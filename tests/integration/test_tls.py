"""TLS to each server by settings: the right authority is believed; another one, a certificate that has expired or is
for another name, and a client without its own certificate, are refused.

Kafka and Triton serve TLS themselves. The packaged Redis and Milvus cannot: TLS ends before the real server.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
from msgspec.structs import replace
from pydantic import SecretStr

from deploy.clients import make_cluster, make_feast, make_publisher, make_store, triton_tls
from deploy.embedded import choices, endpoints, kafka, milvus, redis, triton
from deploy.embedded.environment import child_environment
from deploy.embedded.stack import Stack
from deploy.settings import Settings
from features.views import USER_VIEW
from inference.learning.weights_file import initial_weights, write_weights
from inference.ranking.features import FeatureTable
from inference.triton_ranker import TritonRanker
from schemas.errors import StoreUnavailable
from schemas.topics import INTERACTIONS
from streams.log.kafka_admin import KafkaAdmin, TopicShape
from streams.worker.faust_runner import _credentials
from tests.e2e.system import wait_until
from tests.tls import Certificates, Pair, issue, terminated

pytestmark = [pytest.mark.servers, pytest.mark.slow]
SHOWN = ("valid", "expired", "misnamed")
ADMIN = {endpoints.ADMIN: "secret"}
WRONG = [("expired", "authority"), ("misnamed", "authority"), ("valid", "stranger")]
"""The certificate that a server shows, and the authority that the client believes."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return issue(tmp_path_factory.mktemp("tls"))


def files(made: Certificates, believed: str, *, client: bool = False) -> dict[str, str]:
    """Return the settings of TLS of a client that believes an authority, and may show a certificate of its own."""
    own = {"ssl_certificate_location": str(made.client.certificate), "ssl_key_location": str(made.client.key)}
    return {"ssl_ca_location": str(getattr(made, believed))} | (own if client else {})


def changed(settings: Settings, section: str, **values: Any) -> Settings:
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=values)})


@pytest.fixture(scope="module")
def ports(made: Certificates, stack: Settings) -> Iterator[dict[str, int]]:
    """A port for each server without TLS of its own and each certificate; ``…-mutual`` asks for the client's too."""
    address = {"redis": stack.redis.url.get_secret_value().rpartition("@")[2].partition("/")[0]}
    address["milvus"] = stack.milvus.uri.removeprefix("http://")
    with ExitStack() as opened:
        found = {
            f"{name}-{shown}": opened.enter_context(terminated(address[name], getattr(made, shown)))
            for name in address
            for shown in SHOWN
        }
        for name in address:
            front = terminated(address[name], made.valid, clients=made.authority)
            found[f"{name}-mutual"] = opened.enter_context(front)
        yield found


def by_redis(stack: Settings, made: Certificates, port: int, believed: str, *, client: bool = False) -> Settings:
    password = stack.redis.url.get_secret_value().partition("@")[0].removeprefix("redis://")
    url = SecretStr(f"rediss://{password}@127.0.0.1:{port}/0")
    return changed(stack, "redis", url=url, **files(made, believed, client=client))


def test_redis_is_reached_by_tls(stack: Settings, made: Certificates, ports: dict[str, int], tmp_path: Path) -> None:
    settings = by_redis(stack, made, ports["redis-valid"], "authority").model_copy(update={"data_dir": tmp_path})
    assert make_store(settings).applied("tls", 0) == {}
    assert redis.problem(settings) == ""
    assert make_feast(settings).online(USER_VIEW, [{"user_id": "nobody"}])[0]["choices"] is None


@pytest.mark.parametrize(("shown", "believed"), WRONG)
def test_another_redis_is_refused(
    stack: Settings, made: Certificates, ports: dict[str, int], shown: str, believed: str
) -> None:
    settings = by_redis(stack, made, ports[f"redis-{shown}"], believed)
    with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        make_store(settings).applied("tls", 0)
    assert "CERTIFICATE_VERIFY_FAILED" in redis.problem(settings)


def by_milvus(stack: Settings, made: Certificates, port: int, believed: str, *, client: bool = False) -> Settings:
    return changed(stack, "milvus", uri=f"https://127.0.0.1:{port}", **files(made, believed, client=client))


def test_milvus_is_reached_by_tls(stack: Settings, made: Certificates, ports: dict[str, int]) -> None:
    settings = by_milvus(stack, made, ports["milvus-valid"], "authority")
    assert milvus.problem(settings) == ""


@pytest.mark.parametrize(("shown", "believed"), WRONG)
def test_another_milvus_is_refused(
    stack: Settings, made: Certificates, ports: dict[str, int], shown: str, believed: str
) -> None:
    assert "request failed" in milvus.problem(by_milvus(stack, made, ports[f"milvus-{shown}"], believed))


def test_redis_and_milvus_are_shown_the_clients_certificate(
    stack: Settings, made: Certificates, ports: dict[str, int]
) -> None:
    for by, module, name in ((by_redis, redis, "redis"), (by_milvus, milvus, "milvus")):
        port = ports[f"{name}-mutual"]
        assert module.problem(by(stack, made, port, "authority", client=True)) == ""
        assert module.problem(by(stack, made, port, "authority"))


def started(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(command, env={**child_environment(), **environment}, stdout=file, stderr=file)


@pytest.fixture(scope="module")
def guarded(
    embedded: Stack, stack: Settings, made: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """A broker with a listener, and a Triton, for each certificate; with the valid one they ask for the client's.

    Yields their ports, by server and certificate.
    """
    folder = tmp_path_factory.mktemp("guarded")
    site = embedded._site(choices.read(embedded.layout.choices_file))
    free = filter(choices.is_free, range(24_100, 24_999))
    inner = (next(free), next(free))
    brokers, tritons = ({shown: next(free) for shown in SHOWN} for _ in range(2))
    conf = folder / "server.properties"
    conf.write_text(broker_by_tls(folder, made, inner, brokers))
    kafka._format(site, conf)
    broker = started((*kafka._java(site, "-Xmx256m"), "kafka.Kafka", str(conf)), folder / "kafka.log", {})
    program = triton.TRITON.program(site)
    processes = [broker]
    for shown, port in tritons.items():
        command = triton_by_tls(program.command, made, shown, port, folder)
        processes.append(started(command, folder / f"triton-{shown}.log", program.environment))
    for port in (*brokers.values(), *tritons.values()):
        wait_until(lambda port=port: not choices.is_free(port), seconds=60, what=f"a server on port {port}")  # type: ignore[misc]
    yield {f"kafka-{shown}": port for shown, port in brokers.items()} | {
        f"triton-{shown}": port for shown, port in tritons.items()
    }
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(20)


def broker_by_tls(folder: Path, made: Certificates, inner: tuple[int, int], ports: Mapping[str, int]) -> str:
    """Return the embedded broker's configuration with a listener of SASL_SSL for each certificate."""
    written = kafka.configuration(folder / "data", *inner, ADMIN)
    lines = dict(line.split("=", 1) for line in written.splitlines())
    for shown, port in ports.items():
        keystore = folder / f"{shown}.pem"
        keystore.write_text(getattr(made, shown).both)
        for name in ("listeners", "advertised.listeners"):
            lines[name] += f",{shown.upper()}://127.0.0.1:{port}"
        lines["listener.security.protocol.map"] += f",{shown.upper()}:SASL_SSL"
        own = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(made.authority),
            "ssl.client.auth": "required" if shown == "valid" else "none",
            "plain.sasl.jaas.config": lines["listener.name.client.plain.sasl.jaas.config"],
        }
        lines |= {f"listener.name.{shown}.{name}": value for name, value in own.items()}
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def triton_by_tls(command: Sequence[str], made: Certificates, shown: str, port: int, folder: Path) -> list[str]:
    """Return the embedded Triton's command with TLS, on loopback; only with the valid certificate it has the ranker."""
    pair: Pair = getattr(made, shown)
    replaced = ("--grpc-", "--metrics-", "--backend-config")
    mutual = shown == "valid"
    options = {
        "grpc-address": "127.0.0.1",
        "grpc-port": port,
        "allow-metrics": "false",
        "grpc-use-ssl": "true",
        "grpc-use-ssl-mutual": str(mutual).lower(),
        "grpc-server-cert": pair.certificate,
        "grpc-server-key": pair.key,
        "grpc-root-cert": made.authority,
        "backend-config": f"python,shm-region-prefix-name=lifelong-tls-{port}-",
    }
    kept = [word for word in command if not word.startswith(replaced)]
    if not mutual:
        (folder / "none").mkdir(exist_ok=True)
        kept = [word for word in kept if not word.startswith(("--load-model", "--model-repository"))]
        options["model-repository"] = folder / "none"
    return [*kept, *(f"--{name}={value}" for name, value in options.items())]


def by_kafka(stack: Settings, made: Certificates, port: int, believed: str, *, client: bool = True) -> Settings:
    login = {"sasl_username": endpoints.ADMIN, "sasl_password": SecretStr(ADMIN[endpoints.ADMIN])}
    where = {"bootstrap": f"127.0.0.1:{port}", "security_protocol": "SASL_SSL"}
    return changed(stack, "kafka", **where, **login, **files(made, believed, client=client))


async def faust_connects(settings: Settings) -> None:
    """Connect as the worker's client does; it has a TLS of its own.

    Raises:
        KafkaConnectionError: the broker is refused, or refuses.
    """
    cluster = make_cluster(settings)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap,
        group_id="worker",
        security_protocol=cluster.security_protocol,
        sasl_mechanism=cluster.sasl_mechanism,
        sasl_plain_username=cluster.sasl_username,
        sasl_plain_password=cluster.sasl_password,
        ssl_context=_credentials(cluster).ssl_context,
    )
    consumer.subscribe([INTERACTIONS])
    try:
        await consumer.start()
    finally:
        await consumer.stop()


def test_kafka_is_reached_by_tls(stack: Settings, made: Certificates, guarded: dict[str, int]) -> None:
    settings = by_kafka(stack, made, guarded["kafka-valid"], "authority")
    wait_until(lambda: kafka.problem(settings) == "", seconds=60, what="the broker answers")
    admin = KafkaAdmin(make_cluster(settings))
    admin.create({INTERACTIONS: TopicShape(1, 1)})
    publisher = make_publisher(settings, receipts=True)
    assert publisher.deliver(INTERACTIONS, [("ann", b"{}")]) == [(0, 0)]
    publisher.close()
    asyncio.run(faust_connects(settings))


@pytest.mark.parametrize(("shown", "believed"), WRONG)
def test_another_kafka_is_refused(
    stack: Settings, made: Certificates, guarded: dict[str, int], shown: str, believed: str
) -> None:
    settings = by_kafka(stack, made, guarded[f"kafka-{shown}"], believed)
    assert "metadata request failed" in kafka.problem(settings)
    with pytest.raises(KafkaConnectionError):
        asyncio.run(faust_connects(settings))


def test_kafka_refuses_a_client_without_a_certificate(
    stack: Settings, made: Certificates, guarded: dict[str, int]
) -> None:
    settings = by_kafka(stack, made, guarded["kafka-valid"], "authority", client=False)
    assert "metadata request failed" in kafka.problem(settings)


def by_triton(stack: Settings, made: Certificates, port: int, believed: str, *, client: bool = True) -> Settings:
    return changed(stack, "triton", grpc=f"127.0.0.1:{port}", ssl=True, **files(made, believed, client=client))


def test_triton_is_reached_by_tls(
    stack: Settings, embedded: Stack, made: Certificates, guarded: dict[str, int]
) -> None:
    settings = by_triton(stack, made, guarded["triton-valid"], "authority")
    wait_until(lambda: triton.problem(settings) == "", seconds=60, what="Triton answers")
    table = FeatureTable()
    ranker = TritonRanker(settings.triton.grpc, table=table.id, timeout=5, tls=triton_tls(settings))
    features, mask = np.zeros((1, 2, len(table.columns)), np.float32), np.ones((1, 2), np.bool_)
    initial = initial_weights(table.columns)
    write_weights(embedded.layout.models / "ranker" / "weights.npz", replace(initial, version=7))
    assert ranker.score(features, mask).model_version == 7
    ranker.close()


@pytest.mark.parametrize(("shown", "believed"), WRONG)
def test_another_triton_is_refused(
    stack: Settings, made: Certificates, guarded: dict[str, int], shown: str, believed: str
) -> None:
    problem = triton.problem(by_triton(stack, made, guarded[f"triton-{shown}"], believed))
    assert re.search("certificate_verify_failed|hostname verification check failed", problem.lower()), problem


def test_triton_refuses_a_client_without_a_certificate(
    stack: Settings, made: Certificates, guarded: dict[str, int]
) -> None:
    assert triton.problem(by_triton(stack, made, guarded["triton-valid"], "authority", client=False))
