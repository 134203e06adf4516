"""How to reach the broker that `lifelong up` started, for confluent-kafka."""

from __future__ import annotations

import tomllib
from pathlib import Path

LOGIN = Path(".lifelong/application.toml")
"""Where `lifelong up` writes the broker's address and the login of applications, in the default data directory."""


def connection(path: Path = LOGIN) -> dict[str, str | int | float | bool]:
    """The client configuration that such a file describes.

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
