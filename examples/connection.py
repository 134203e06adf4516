"""How to reach the broker that `lifelong up` started, for confluent-kafka."""

from __future__ import annotations

import tomllib
from pathlib import Path

ENDPOINTS = Path(".lifelong/endpoints.toml")
"""Where `lifelong up` writes addresses and logins, in the default data directory."""


def connection(path: Path = ENDPOINTS) -> dict[str, str | int | float | bool]:
    """The client configuration that an endpoints file describes.

    Raises:
        FileNotFoundError: there is no such file: run `lifelong up` first, or name another one.
    """
    with path.open("rb") as file:
        kafka = tomllib.load(file)["kafka"]
    return {
        "bootstrap.servers": kafka["bootstrap"],
        "security.protocol": kafka["security_protocol"],
        "sasl.mechanism": kafka["sasl_mechanism"],
        "sasl.username": kafka["sasl_username"],
        "sasl.password": kafka["sasl_password"],
    }
