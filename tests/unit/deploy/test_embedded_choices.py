"""Ports and passwords are chosen once."""

from __future__ import annotations

import random
import socket
import stat
from pathlib import Path

import pytest

from deploy.embedded import choices
from deploy.embedded.choices import StackChoices
from deploy.settings import SettingsError


def any_port(port: int) -> bool:
    return True


def test_ports_are_remembered(tmp_path: Path) -> None:
    first = choices.chosen(choices.read(tmp_path / "c.json"), {}, random.Random(1), any_port)
    choices.write(tmp_path / "c.json", first)
    second = choices.chosen(choices.read(tmp_path / "c.json"), {}, random.Random(2), any_port)
    assert second == first


def test_every_port_is_chosen_and_no_two_are_equal() -> None:
    ports = choices.chosen(StackChoices({}, {}), {}, random.Random(3), any_port).ports
    assert set(ports) == set(choices.PORT_NAMES)
    assert len(set(ports.values())) == len(ports)


def test_a_used_port_is_not_chosen() -> None:
    ports = choices.chosen(StackChoices({}, {}), {}, random.Random(4), lambda port: port % 2 == 0).ports
    assert all(port % 2 == 0 for port in ports.values())


def test_a_port_from_the_settings_wins_over_the_remembered_one() -> None:
    first = choices.chosen(StackChoices({}, {}), {}, random.Random(5), any_port)
    second = choices.chosen(first, {"redis": 6379, "kafka": 0}, random.Random(6), any_port)
    assert (second.ports["redis"], second.ports["kafka"]) == (6379, first.ports["kafka"])


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not choices.is_free(port)
    assert choices.is_free(port)


def test_passwords_are_long_differ_and_stay_private(tmp_path: Path) -> None:
    chosen = choices.chosen(StackChoices({}, {}), {}, random.Random(7), any_port)
    choices.write(tmp_path / "c.json", chosen)
    assert len(set(chosen.secrets.values())) == len(choices.SECRET_NAMES)
    assert all(len(secret) == 32 for secret in chosen.secrets.values())
    assert stat.S_IMODE((tmp_path / "c.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ports": 3, "secrets": {}}', '{"ports": {}}'])
def test_a_file_with_other_content_is_refused_with_a_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "choices.json").write_text(text)
    with pytest.raises(SettingsError, match=r"choices\.json"):
        choices.read(tmp_path / "choices.json")
