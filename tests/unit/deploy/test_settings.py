"""Settings: sources in their order of precedence, and no invalid or unknown setting is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.experiment import make_experiment
from deploy.settings import SettingsError, load_settings
from deploy.wiring import current_weights, make_online_trainer

SPRING = "[experiment]\nname = 'spring'\n"


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
        ("[gate]\nlevel = 0.1\n", "it is named 'promotion' now"),
        ("[worker]\nexam_rate = 0.5\n", "it is named 'worker.prequential_rate' now"),
        (SPRING + "[experiment.arms.a]\nlineage = 'default'\n", "it is named 'experiment.arms.<arm>.variant' now"),
        ("[kafka]\nsecurity_protocol = 'TLS'\n", "SASL_SSL"),
        ("[topics]\nperson_partitions = 0\n", "topics.person_partitions = 0"),
        ("colour = 'red'\n", "colour"),
        ("[agents]\ntriggers = ['boredom']\n", "agents.triggers.0 = 'boredom'"),
        ("[experiment]\nname = 'spring'\n", "at least one arm"),
        ("[experiment.arms.bold]\nshare = 0.1\n", "experiment.name = ''"),
        ("[experiment]\nname = 'Spring!'\n", "experiment.name = 'Spring!'"),
        (SPRING + "[experiment.arms.bold]\nvariant = 'fatser'\n", "experiment.arms.bold.variant = 'fatser': known are"),
        (SPRING + "[experiment.arms.a]\nshare = 0.7\n[experiment.arms.b]\nshare = 0.4\n", "sum to 1.1"),
        (
            SPRING + "[experiment.arms.bold]\nshare = 1e-9\n",
            "experiment.arms.bold.share = 1e-09: Value error, users are",
        ),
        (SPRING + "[experiment.arms.control]\nshare = 0.5\n", "not 'control'"),
        ("[kafka\n", "not TOML"),
    ],
)
def test_an_invalid_setting_is_refused_with_its_name_and_what_is_allowed(folder: Path, text: str, named: str) -> None:
    (folder / "lifelong.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert named in str(caught.value)


def test_a_misspelt_variable_in_the_environment_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFELONG_KAFKA__BOOTSTRP", "a:1")
    with pytest.raises(SettingsError, match="bootstrp"):
        load_settings()


def test_secrets_are_not_shown(folder: Path) -> None:
    (folder / "lifelong.toml").write_text('[kafka]\nsasl_password = "hush"\n')
    assert "hush" not in repr(load_settings())


HUSH = "hush-7d1f"
MISTAKES = (
    f"[gateway]\napi_keys = '{HUSH}'\n",
    f"[gateway]\napi_keys = [['{HUSH}']]\n",
    f"[gateway]\napi_key = ['{HUSH}']\n",
    f"[kafka]\nsasl_pasword = '{HUSH}'\n",
    f"[kafka]\nsasl_password = ['{HUSH}']\n",
    f"kafka = '{HUSH}'\n",
    f"sasl_password = '{HUSH}'\n",
    f"[milvus]\nuri = ['http://root:{HUSH}@milvus']\n",
    f"[redis]\nurl = {{ password = '{HUSH}' }}\n",
    f"[redis]\nurl = '{HUSH}\n",
    f"[redis]\nurl = {HUSH}\n",
    f"[reddis]\nurl = '{HUSH}'\n",
)


@pytest.mark.parametrize("text", MISTAKES)
def test_no_mistake_in_a_settings_file_prints_a_secret(folder: Path, text: str) -> None:
    (folder / "lifelong.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert HUSH not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIFELONG_KAFKA__SASL_PASWORD", HUSH),
        ("LIFELONG_SASL_PASSWORD", HUSH),
        ("LIFELONG_GATEWAY__API_KEYS", HUSH),
        ("LIFELONG_GATEWAY__API_KEYS", f'[["{HUSH}"]]'),
        ("LIFELONG_GATEWAY", f'{{"api_keys": {HUSH}}}'),
        ("LIFELONG_GATEWAY", f'"{HUSH}"'),
        ("LIFELONG_REDIS__URL__PASSWORD", HUSH),
    ],
)
def test_no_mistake_in_the_environment_prints_a_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert HUSH not in str(caught.value)


def test_arms_of_an_experiment_rank_by_known_variants(folder: Path) -> None:
    (folder / "lifelong.toml").write_text(
        SPRING
        + "[experiment.arms.quick]\nshare = 0.25\nvariant = 'faster'\n"
        + "[experiment.arms.curious]\nshare = 0.25\nexploration = 0.5\n"
        + "[experiment.arms.first]\nvariant = 'default'\n"
    )
    settings = load_settings()
    experiment = make_experiment(settings)
    assert experiment is not None
    assert experiment.shares() == {"control": 0.5, "quick": 0.25, "curious": 0.25, "first": 0.0}
    assert experiment.variants == ("", "faster", "default")
    assert [arm.exploration.rate if arm.exploration else None for arm in experiment.arms] == [None, None, 0.5, None]
    assert make_online_trainer(settings).plan.served == ("default", "faster")
    assert set(current_weights(settings).others) == {"default", "faster"}


def test_without_an_experiment_there_is_none(folder: Path) -> None:
    assert make_experiment(load_settings()) is None
    assert current_weights(load_settings()).others == {}
