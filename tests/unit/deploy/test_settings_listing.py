"""`lifelong config`: the source of each setting, and an example of all settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.settings import Settings, SettingsError, load_layers, load_settings
from deploy.settings.checks import MASK, nearest, setting_names
from deploy.settings.listing import example, sourced


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path


def test_each_setting_is_shown_with_the_source_that_named_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "data" / "endpoints.toml").write_text('[kafka]\nbootstrap = "c:1"\nsasl_password = "hush"\n')
    (folder / "lifelong.toml").write_text('[kafka]\nbootstrap = "b:1"\n[gateway]\napi_keys = ["quiet"]\n')
    monkeypatch.setenv("LIFELONG_RANKING__SLATE_SIZE", "20")
    shown = {setting.name: (setting.value, setting.source) for setting in sourced(*load_layers())}
    assert shown["kafka.bootstrap"] == ("b:1", "lifelong.toml")
    assert shown["kafka.sasl_password"] == (MASK, str(folder / "data" / "endpoints.toml"))
    assert shown["gateway.api_keys"] == ([MASK], "lifelong.toml")
    assert shown["ranking.slate_size"] == (20, "environment, LIFELONG_RANKING__SLATE_SIZE")
    assert shown["redis.url"] == ("", "default")
    assert list(shown) == [".".join(path) for path in setting_names(Settings)]


def test_the_example_loads_unchanged_and_with_every_comment_removed(folder: Path) -> None:
    assert tomllib.loads(example()).keys() == {name for name in Settings.model_fields if name != "data_dir"}, (
        "only sections are left in force"
    )
    bare = re.sub(r"^#(?=\w)", "", example(), flags=re.MULTILINE)
    named = {(name,) if not isinstance(value, dict) else (name, key) for name, value in tomllib.loads(bare).items()
             for key in (value if isinstance(value, dict) else [name])}  # fmt: skip
    assert named == set(setting_names(Settings))
    before = load_settings()
    (folder / "lifelong.toml").write_text(example())
    assert load_settings() == before
    (folder / "lifelong.toml").write_text(bare)
    assert load_settings() == before


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("[kafka]\nbootstarp = 'x'\n", "'kafka.bootstrap'"),
        ("[rankng]\nslate_size = 3\n", "'ranking'"),
        ("[ranking]\nslatesize = 3\n", "'ranking.slate_size'"),
        ("slate_size = 3\n", "'ranking.slate_size'"),
    ],
)
def test_an_unknown_setting_is_answered_with_the_nearest(folder: Path, text: str, proposed: str) -> None:
    (folder / "lifelong.toml").write_text(text)
    with pytest.raises(SettingsError, match=f"did you mean {proposed}"):
        load_settings()


def test_an_unknown_variable_of_the_environment_is_answered_with_the_nearest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFELONG_KAFKA_BOOTSTRAP", "a:1")
    with pytest.raises(SettingsError, match="did you mean 'LIFELONG_KAFKA__BOOTSTRAP'"):
        load_settings()


@given(st.sampled_from([".".join(path) for path in setting_names(Settings)]), st.data())
def test_a_name_without_one_letter_is_always_recognized(name: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(name) - 1))
    wrong = name[:index] + name[index + 1 :]
    names = [".".join(path) for path in setting_names(Settings)]
    assert wrong in names or f"did you mean {name!r}?" == nearest(wrong, names)


@pytest.mark.parametrize("named", ["absent.toml", "."])
def test_a_named_settings_file_that_is_missing_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("LIFELONG_CONFIG", named)
    with pytest.raises(SettingsError, match=re.escape(f"LIFELONG_CONFIG = {named!r} is not a file")):
        load_settings()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[kafka", b"a = "])
def test_a_file_of_settings_that_cannot_be_read_is_named(folder: Path, content: bytes) -> None:
    (folder / "lifelong.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"lifelong\.toml' is not TOML"):
        load_settings()


def test_a_table_in_the_environment_that_is_no_json_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFELONG_TRAINER__CHALLENGERS", "{faster")
    with pytest.raises(SettingsError, match="written as JSON"):
        load_settings()
