"""The settings read the endpoints that ``up`` writes."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.embedded import choices, endpoints, triton
from deploy.embedded.choices import StackChoices
from deploy.embedded.layout import DataLayout
from deploy.settings import GatewaySettings, KafkaSettings, Settings, load_settings

ALL = frozenset({"kafka", "redis", "milvus", "triton"})


@pytest.fixture
def chosen() -> StackChoices:
    return choices.chosen(StackChoices({}, {}), {}, random.Random(1), lambda port: True)


def written(path: Path, chosen: StackChoices, started: frozenset[str], base: Settings) -> Path:
    layout = DataLayout.of(path, path)
    endpoints.write(path / "endpoints.toml", endpoints.sections(chosen, started, base, layout))
    return path / "endpoints.toml"


def test_only_this_user_can_read_the_endpoints(tmp_path: Path, chosen: StackChoices) -> None:
    path = written(tmp_path, chosen, ALL, Settings())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_application_reads_the_endpoints_as_settings(
    tmp_path: Path, chosen: StackChoices, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, chosen, ALL, Settings())
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.kafka.bootstrap == f"127.0.0.1:{chosen.ports['kafka']}"
    assert settings.kafka.sasl_password.get_secret_value() == chosen.secrets["kafka"]
    assert settings.redis.url.get_secret_value().endswith(f"@127.0.0.1:{chosen.ports['redis']}/0")
    assert settings.milvus.token.get_secret_value() == f"root:{chosen.secrets['milvus']}"
    assert settings.triton.grpc == triton.client_address(DataLayout.of(tmp_path, tmp_path), chosen.ports)
    assert (settings.worker.metrics_port, settings.trainer.metrics_port, settings.gateway.port) == (
        chosen.ports["worker"],
        chosen.ports["trainer"],
        chosen.ports["gateway"],
    )
    assert [key.get_secret_value() for key in settings.gateway.api_keys] == [chosen.secrets["gateway"]]


def test_an_application_gets_its_own_login_alone(tmp_path: Path, chosen: StackChoices) -> None:
    path = tmp_path / "application.toml"
    endpoints.write(path, endpoints.application_sections(chosen, Settings()), endpoints.APPLICATION_HEADER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kafka = endpoints.read(path)["kafka"]
    assert (kafka["sasl_username"], kafka["group_prefix"]) == ("lifelong-application", "application")
    known = [name for name, secret in chosen.secrets.items() if secret in path.read_text()]
    assert known == ["kafka_application"]


def test_completing_the_base_settings_gives_the_same(tmp_path: Path, chosen: StackChoices) -> None:
    base = Settings(data_dir=tmp_path)
    completed = endpoints.settings_with(base, written(tmp_path, chosen, ALL, base))
    assert completed.redis.url.get_secret_value().endswith(f":{chosen.ports['redis']}/0")
    assert completed.data_dir == tmp_path


def test_the_users_settings_win(tmp_path: Path, chosen: StackChoices) -> None:
    base = Settings(
        kafka=KafkaSettings(bootstrap="broker:9092"), gateway=GatewaySettings(port=8080, api_keys=(SecretStr("mine"),))
    )
    completed = endpoints.settings_with(base, written(tmp_path, chosen, ALL - {"kafka"}, base))
    assert (completed.kafka.bootstrap, completed.kafka.security_protocol) == ("broker:9092", "PLAINTEXT")
    assert completed.gateway.port == 8080
    assert [key.get_secret_value() for key in completed.gateway.api_keys] == ["mine"]
