"""Settings: three sources in their order, and nothing wrong or unknown gets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import SettingsError, load_settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path


def test_environment_wins_over_the_file_and_the_file_over_endpoints(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "data" / "endpoints.toml").write_text('[kafka]\nbootstrap = "c:1"\nsasl_username = "c"\n')
    (folder / "lifelong.toml").write_text('[kafka]\nbootstrap = "b:1"\n')
    assert load_settings().kafka.bootstrap == "b:1"
    assert load_settings().kafka.sasl_username == "c"
    monkeypatch.setenv("LIFELONG_KAFKA__BOOTSTRAP", "a:1")
    assert load_settings().kafka.bootstrap == "a:1"
    assert load_settings(with_endpoints=False).kafka.sasl_username == ""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[kafka]\nbootstarp = 'x'\n", "kafka.bootstarp"),
        ("[kafka]\nsecurity_protocol = 'TLS'\n", "SASL_SSL"),
        ("[topics]\nperson_partitions = 0\n", "topics.person_partitions = 0"),
        ("colour = 'red'\n", "colour"),
        ("[kafka\n", "not TOML"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_and_what_is_allowed(folder: Path, text: str, named: str) -> None:
    (folder / "lifelong.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert named in str(caught.value)


def test_a_typing_error_in_the_environment_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFELONG_KAFKA__BOOTSTRP", "a:1")
    with pytest.raises(SettingsError, match="bootstrp"):
        load_settings()


def test_secrets_are_not_shown(folder: Path) -> None:
    (folder / "lifelong.toml").write_text('[kafka]\nsasl_password = "hush"\n')
    assert "hush" not in repr(load_settings())
