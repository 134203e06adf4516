"""The configuration of supervisord and of the servers."""

from __future__ import annotations

import configparser
import random
import re
import shlex
from pathlib import Path

import pytest
from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import UnhosedConfigParser

from deploy.embedded import choices, endpoints, kafka, milvus, redis, triton
from deploy.embedded.choices import StackChoices
from deploy.embedded.environment import child_environment
from deploy.embedded.layout import SOCKET_PATH_MAX, DataLayout
from deploy.embedded.programs import OWN_PROCESSES, own_programs
from deploy.embedded.server import Program, Site, StackError
from deploy.embedded.supervisor import daemon_section, program_section
from deploy.settings import EmbeddedSettings, Settings
from deploy.settings.ports import process_ports
from streams.routes import READS


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout.of(tmp_path, tmp_path / "cache")


@pytest.fixture
def chosen() -> StackChoices:
    return choices.chosen(StackChoices({}, {}), {}, random.Random(1), lambda port: True)


def parsed(text: str) -> configparser.RawConfigParser:
    """Parse the text as supervisord does, without expansions."""
    parser = UnhosedConfigParser()
    parser.read_string(text)
    return parser


def test_the_supervisor_listens_on_a_unix_socket_only(layout: DataLayout) -> None:
    config = parsed(daemon_section(layout))
    assert config["unix_http_server"]["file"] == str(layout.socket)
    assert config["unix_http_server"]["chmod"] == "0600"
    assert not config.has_section("inet_http_server")


def test_a_program_is_restarted_and_stopped_as_a_group(layout: DataLayout) -> None:
    section = parsed(program_section(Program("milvus", ("run",), Path("/d"), stop_seconds=5), layout))["program:milvus"]
    assert (section["autorestart"], section["stopasgroup"], section["killasgroup"]) == ("true", "true", "true")
    assert section["stopwaitsecs"] == "5"
    assert section["stdout_logfile"] == str(layout.log("milvus"))


def test_spaces_percents_and_quotes_in_a_command_survive(layout: DataLayout) -> None:
    environment = {"KEY": "100%", "TABLE": '{"good": {"rate": 1.0}}', "NAME": "ann's"}
    program = Program("p", ("/a b/run", "50%", 'say "x"'), Path("/d"), environment)
    section = parsed(program_section(program, layout))["program:p"]
    assert shlex.split(section["command"].replace("%%", "%")) == list(program.command)
    assert dict_of_key_value_pairs(section["environment"].replace("%%", "%")) == environment


@pytest.mark.parametrize("value", ["""{"name": "ann's"}""", '"quoted"', '{"a": "x #1"}', "a ;b", "two\nlines"])
def test_a_value_that_the_supervisor_would_change_is_refused(layout: DataLayout, value: str) -> None:
    with pytest.raises(StackError, match=r"pass that on; write the setting into lifelong\.toml"):
        program_section(Program("p", ("run",), Path("/d"), {"KEY": value}), layout)


def test_a_long_data_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    socket = DataLayout.of(deep, tmp_path).socket
    assert len(bytes(socket)) <= SOCKET_PATH_MAX
    assert socket != DataLayout.of(tmp_path / ("e" * 120), tmp_path).socket


def test_servers_listen_on_loopback_behind_a_password(chosen: StackChoices) -> None:
    broker = kafka.configuration(Path("/d"), 9092, 9093, {"lifelong": "secret", "lifelong-worker": "own"})
    assert "listeners=CLIENT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\n" in broker
    assert "PLAINTEXT,CONTROLLER:SASL_PLAINTEXT\n" in broker
    assert 'user_lifelong="secret" user_lifelong-worker="own";' in broker
    assert "StandardAuthorizer\nsuper.users=User:lifelong\n" in broker
    store = redis.configuration(Path("/d"), 6379, "secret").splitlines()
    assert {"bind 127.0.0.1", "requirepass secret", "appendonly yes", "maxmemory-policy noeviction"} <= set(store)
    vectors = milvus.configuration(Path("/d"), Path("/c"), chosen.ports)
    assert vectors["common"]["security"] == {"authorizationEnabled": True}
    assert all("127.0.0.1" in url for url in (milvus.etcd_configuration(chosen.ports)["listen-client-urls"],))


def test_no_secret_is_on_a_command_line(layout: DataLayout, chosen: StackChoices, tmp_path: Path) -> None:
    layout.create()
    site = Site(layout, chosen, EmbeddedSettings(milvus_exposed=True), tmp_path)
    own = own_programs(site, tmp_path / "none.toml", logins=True)
    programs = [redis.REDIS.program(site), milvus.MILVUS.program(site), *own]
    words = " ".join(word for program in programs for word in program.command)
    assert [secret for secret in chosen.secrets.values() if secret in words] == []


def test_processes_find_their_data_directory_from_any_working_directory(
    layout: DataLayout, chosen: StackChoices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFELONG_RANKING__SLATE_SIZE", "20")
    site = Site(layout, chosen, EmbeddedSettings(), tmp_path)
    programs = own_programs(site, tmp_path / "none.toml", logins=False)
    assert [program.name for program in programs] == [own.name for own in OWN_PROCESSES]
    assert programs[0].environment["LIFELONG_DATA_DIR"] == str(tmp_path)
    assert programs[0].environment["LIFELONG_RANKING__SLATE_SIZE"] == "20"


def test_a_process_knows_its_own_login_and_nobody_elses(
    layout: DataLayout, chosen: StackChoices, tmp_path: Path
) -> None:
    site = Site(layout, chosen, EmbeddedSettings(), tmp_path, principal_prefix="shop-")
    for program in own_programs(site, tmp_path / "none.toml", logins=True):
        assert program.environment["LIFELONG_KAFKA__SASL_USERNAME"] == f"shop-{program.name}"
        known = {name for name, secret in chosen.secrets.items() if secret in program.environment.values()}
        assert known == {choices.kafka_secret(program.name)}


def test_a_process_logs_in_to_a_broker_of_the_settings_as_they_say(
    layout: DataLayout, chosen: StackChoices, tmp_path: Path
) -> None:
    site = Site(layout, chosen, EmbeddedSettings(), tmp_path)
    programs = own_programs(site, tmp_path / "none.toml", logins=False)
    assert not any("LIFELONG_KAFKA__SASL_PASSWORD" in program.environment for program in programs)


def test_triton_has_no_http_and_restricts_what_changes_it(
    layout: DataLayout, chosen: StackChoices, tmp_path: Path
) -> None:
    layout.create()
    (tmp_path / "ranker").mkdir()
    (tmp_path / "ranker" / "config.pbtxt").write_text("")
    command = triton.TRITON.program(Site(layout, chosen, EmbeddedSettings(), tmp_path)).command
    assert "--allow-http=false" in command
    assert f"--grpc-address={triton.listening_address(layout)}" in command
    restricted = next(word for word in command if word.startswith("--grpc-restricted-protocol="))
    assert {"model-repository", "statistics", "shared-memory"} <= set(re.split("[=,:]", restricted))


def test_tritons_socket_has_an_address_in_any_directory() -> None:
    layout = DataLayout.of(Path("/home/ann/my shop"), Path("/c"))
    assert triton.client_address(layout, {"triton_metrics": 7}) == "unix:/home/ann/my%20shop/run/triton:7"


def test_a_prefix_of_principals_that_the_brokers_file_cannot_hold_is_refused(chosen: StackChoices) -> None:
    with pytest.raises(StackError, match="principal_prefix = 'a\" b'"):
        endpoints.kafka_passwords(chosen, 'a" b')


def test_servers_inherit_one_thread_and_no_other_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIO_ADDRESS", "elsewhere")
    monkeypatch.setenv("LIFELONG_KAFKA__SASL_PASSWORD", "secret")
    environment = child_environment()
    assert environment["OMP_NUM_THREADS"] == "1"
    assert not {"MINIO_ADDRESS", "LIFELONG_KAFKA__SASL_PASSWORD"} & environment.keys()


def test_every_process_of_the_stack_has_a_port() -> None:
    assert set(process_ports(Settings())) == {own.name for own in OWN_PROCESSES} == set(READS)
