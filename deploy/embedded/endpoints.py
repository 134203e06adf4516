"""``endpoints.toml``: the addresses of the servers that ``lifelong up`` starts, in the shape of the settings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.embedded.choices import StackChoices, write_private
from deploy.settings import Settings

KAFKA_USER = "lifelong"


def sections(choices: StackChoices, started: frozenset[str], base: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings with the addresses of the ``started`` servers and the ports of Lifelong's processes."""
    ports, keys = choices.ports, choices.secrets
    servers: dict[str, dict[str, Any]] = {
        "kafka": {
            "bootstrap": f"127.0.0.1:{ports['kafka']}",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": KAFKA_USER,
            "sasl_password": keys["kafka"],
        },
        "redis": {"url": f"redis://:{keys['redis']}@127.0.0.1:{ports['redis']}/0"},
        "milvus": {"uri": f"http://127.0.0.1:{ports['milvus']}", "token": f"root:{keys['milvus']}"},
        "triton": {"grpc": f"127.0.0.1:{ports['triton']}"},
    }
    programs: dict[str, dict[str, Any]] = {
        "worker": {"metrics_port": ports["worker"]},
        "statistics": {"metrics_port": ports["statistics"]},
        "trainer": {"metrics_port": ports["trainer"]},
        "projector": {"metrics_port": ports["projector"]},
        "gateway": {"port": ports["gateway"]},
    }
    if not base.gateway.api_keys:
        programs["gateway"]["api_keys"] = [keys["gateway"]]
    return {name: section for name, section in servers.items() if name in started} | programs


def write(path: Path, content: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``content`` as TOML of mode 0600: it holds the passwords."""
    lines = ["# Written by `lifelong up`: the addresses of the servers that it started. Changes here are lost."]
    for name, section in content.items():
        # TOML spells strings, numbers and lists as JSON does.
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    write_private(path, "\n".join(lines) + "\n")


def settings_with(base: Settings, path: Path) -> Settings:
    """Return ``base`` completed by the settings in ``path``; those of ``base`` win."""
    endpoints = tomllib.loads(path.read_text()) if path.is_file() else {}
    own = base.model_dump(exclude_defaults=True)
    for name, section in endpoints.items():
        own[name] = section | own.get(name, {})
    return Settings(**own)
