"""``endpoints.toml``: the addresses of the servers that ``lifelong up`` starts, in the shape of the settings.

It holds the logins of the commands, which may do everything. ``application.toml`` holds what an application needs.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.embedded import triton
from deploy.embedded.choices import KAFKA_PRINCIPALS, StackChoices, kafka_secret
from deploy.embedded.layout import DataLayout
from deploy.embedded.server import StackError
from deploy.flink import keys
from deploy.private_files import write_private
from deploy.settings import Settings
from deploy.settings.ports import PORT_SETTINGS

ADMIN = "lifelong"
"""The user of the embedded broker that may do everything: the broker itself, and the commands."""
APPLICATION = "application"
_HEADER = "Written by `lifelong up`: "
ENDPOINTS_HEADER = f"{_HEADER}the addresses of the servers that it started. Changes here are lost."
APPLICATION_HEADER = f"{_HEADER}what an application needs to produce events and to read lists. Changes here are lost."


def user_of(process: str, prefix: str) -> str:
    """Return the user of a process on the embedded broker; with ``User:`` before it, it is the process's principal.

    Raises:
        StackError: the prefix of principals has characters that the broker's configuration cannot hold.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]*", prefix):
        raise StackError(
            f"setting kafka.principal_prefix = {prefix!r}: the embedded broker takes letters, digits, '.', '_' and '-'"
        )
    return f"{prefix}{process}"


def kafka_passwords(choices: StackChoices, prefix: str) -> dict[str, str]:
    """Return the password of every user of the embedded broker."""
    own = {user_of(name, prefix): choices.secrets[kafka_secret(name)] for name in KAFKA_PRINCIPALS}
    return {ADMIN: choices.secrets["kafka"]} | own


def kafka_login(process: str, choices: StackChoices, prefix: str) -> dict[str, str]:
    """Return the settings with which a process logs in to the embedded broker."""
    return {"sasl_username": user_of(process, prefix), "sasl_password": choices.secrets[kafka_secret(process)]}


def application_sections(choices: StackChoices, base: Settings) -> dict[str, dict[str, Any]]:
    """Return address and login of the embedded broker for an application, and what its consumer groups begin with."""
    login = kafka_login(APPLICATION, choices, base.kafka.principal_prefix)
    return {"kafka": _broker(choices) | login | {"group_prefix": f"{base.topics.prefix}{APPLICATION}"}}


def _broker(choices: StackChoices) -> dict[str, str]:
    return {
        "bootstrap": f"127.0.0.1:{choices.ports['kafka']}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
    }


def sections(
    choices: StackChoices, started: frozenset[str], base: Settings, layout: DataLayout
) -> dict[str, dict[str, Any]]:
    """Return the settings with the addresses of the ``started`` servers and the ports of Lifelong's processes."""
    ports, keys = choices.ports, choices.secrets
    servers: dict[str, dict[str, Any]] = {
        "kafka": _broker(choices) | {"sasl_username": ADMIN, "sasl_password": keys["kafka"]},
        "redis": {"url": f"redis://:{keys['redis']}@127.0.0.1:{ports['redis']}/0"},
        "milvus": {"uri": f"http://127.0.0.1:{ports['milvus']}", "token": f"root:{keys['milvus']}"},
        "triton": {"grpc": triton.client_address(layout, ports)},
        "jobmanager": _flink(ports, layout),
    }
    programs: dict[str, dict[str, Any]] = {
        section: {setting: ports[name]} for name, (section, setting) in PORT_SETTINGS.items()
    }
    for section, engine in engines_of(base).items():
        programs[section]["engine"] = engine
    if not base.gateway.api_keys:
        programs["gateway"]["api_keys"] = [keys["gateway"]]
    own = {"jobmanager": "flink"}
    return {own.get(name, name): section for name, section in servers.items() if name in started} | programs


def _flink(ports: Mapping[str, int], layout: DataLayout) -> dict[str, Any]:
    tls = keys.files_in(layout.flink_keys)
    return {
        "rest": f"127.0.0.1:{ports['jobmanager_rest']}",
        "metrics_port": ports["taskmanager_metrics"],
        "ssl": True,
        "ssl_ca_location": tls.authority,
        "ssl_certificate_location": tls.certificate,
        "ssl_key_location": tls.key,
    }


def write(path: Path, content: Mapping[str, Mapping[str, Any]], header: str = ENDPOINTS_HEADER) -> None:
    """Write ``content`` as TOML of mode 0600: it holds the passwords."""
    lines = [f"# {header}"]
    for name, section in content.items():
        # TOML spells strings, numbers, booleans and lists as JSON does.
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    write_private(path, "\n".join(lines) + "\n")


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the sections of such a file; none if it does not exist."""
    return tomllib.loads(path.read_text()) if path.is_file() else {}


ENGINES = ("worker", "statistics")
"""The sections with the setting `engine`."""


def stored_engines(path: Path) -> dict[str, str]:
    """Return which engine each of `ENGINES` had when the stack was last started."""
    stored = read(path)
    return {name: str(stored.get(name, {}).get("engine", "python")) for name in ENGINES}


def engines_of(settings: Settings) -> dict[str, str]:
    """Return which engine each of `ENGINES` has in these settings."""
    return {"worker": settings.worker.engine, "statistics": settings.statistics.engine}


def with_engine(settings: Settings, engine: str | None) -> Settings:
    """Return the settings with this engine for each of `ENGINES`, if one is named."""
    if engine is None:
        return settings
    return settings.model_copy(
        update={name: getattr(settings, name).model_copy(update={"engine": engine}) for name in ENGINES}
    )


def with_engines(base: Settings, path: Path) -> Settings:
    """Return the settings with the engines of the last start, unless they name one."""
    updates = {
        name: getattr(base, name).model_copy(update={"engine": engine})
        for name, engine in stored_engines(path).items()
        if "engine" not in getattr(base, name).model_fields_set
    }
    return base.model_copy(update=updates)


def settings_with(base: Settings, path: Path) -> Settings:
    """Return ``base`` completed by the settings in ``path``; those of ``base`` win."""
    own = base.model_dump(exclude_defaults=True)
    for name, section in read(path).items():
        own[name] = section | own.get(name, {})
    return Settings(**own)
