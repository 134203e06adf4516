"""Settings of TLS that would not do what they seem to are refused at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import SettingsError, load_settings


@pytest.fixture
def pem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pem").write_text("")
    return str(tmp_path / "a.pem")


def refusal(text: str) -> str:
    Path("lifelong.toml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value)


@pytest.mark.parametrize(
    ("section", "how"),
    [
        ('[kafka]\nbootstrap = "b:1"\nsecurity_protocol = "SASL_PLAINTEXT"', "SSL or SASL_SSL"),
        ('[redis]\nurl = "redis://:hush@db:1/0"', "rediss:// URL"),
        ('[milvus]\nuri = "http://db:1"', "https:// URI"),
        ('[triton]\ngrpc = "t:1"', "ssl = true"),
        ('[flink]\nrest = "f:1"', "ssl = true"),
    ],
)
def test_an_authority_for_a_connection_without_tls_is_refused(pem: str, section: str, how: str) -> None:
    message = refusal(f'{section}\nssl_ca_location = "{pem}"')
    assert how in message
    assert "hush" not in message


@pytest.mark.parametrize("half", ["ssl_certificate_location", "ssl_key_location"])
def test_half_of_a_clients_certificate_is_refused(pem: str, half: str) -> None:
    assert "go together" in refusal(f'[triton]\ngrpc = "t:1"\nssl = true\n{half} = "{pem}"')


def test_a_file_that_is_not_there_is_refused(pem: str) -> None:
    message = refusal('[redis]\nurl = "rediss://db:1/0"\nssl_ca_location = "/no/such.pem"')
    assert "redis.ssl_ca_location = '/no/such.pem': there is no such file" in message


def test_milvus_shows_no_certificate_without_an_authority(pem: str) -> None:
    pair = f'ssl_certificate_location = "{pem}"\nssl_key_location = "{pem}"'
    assert "milvus.ssl_ca_location" in refusal(f'[milvus]\nuri = "https://db:1"\n{pair}')


def test_flink_believes_no_authority_that_is_not_named(pem: str) -> None:
    assert "flink.ssl_ca_location" in refusal('[flink]\nrest = "f:1"\nssl = true')


def test_complete_settings_of_tls_are_read(pem: str) -> None:
    pair = f'ssl_ca_location = "{pem}"\nssl_certificate_location = "{pem}"\nssl_key_location = "{pem}"'
    servers = {
        "kafka": 'bootstrap = "b:1"\nsecurity_protocol = "SASL_SSL"',
        "redis": 'url = "rediss://db:1/0"',
        "milvus": 'uri = "https://db:1"',
        "triton": 'grpc = "t:1"\nssl = true',
    }
    Path("lifelong.toml").write_text("\n".join(f"[{name}]\n{text}\n{pair}" for name, text in servers.items()))
    settings = load_settings()
    assert settings.kafka.ssl_key_location == settings.triton.ssl_key_location == pem
