"""``endpoints.toml``: where the servers that ``lifelong up`` starts are, in the shape of the settings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.embedded.choices import StackChoices, write_private
from deploy.settings import Settings

KAFKA_USER = "lifelong"


def sections(choices: StackChoices, started: frozenset[str], given: Settings) -> dict[str, dict[str, Any]]:
    """The settings that point at the ``started`` servers and give our own programs their ports."""
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
    if not given.gateway.api_keys:
        programs["gateway"]["api_keys"] = [keys["gateway"]]
    return {name: section for name, section in servers.items() if name in started} | programs


def write(path: Path, content: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``content`` as TOML of mode 0600: it holds the passwords."""
    lines = ["# Written by `lifelong up`: where the servers that it started are. Changes here are lost."]
    for name, section in content.items():
        # JSON's strings, numbers and lists are TOML's.
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    write_private(path, "\n".join(lines) + "\n")


def settings_with(given: Settings, path: Path) -> Settings:
    """``given`` with what ``path`` says filled in wherever the user said nothing."""
    found = tomllib.loads(path.read_text()) if path.is_file() else {}
    own = given.model_dump(exclude_defaults=True)
    for name, section in found.items():
        own[name] = section | own.get(name, {})
    return Settings(**own)
