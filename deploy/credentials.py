"""Logins for the principals of `deploy.acls`, where the broker stores passwords itself (SCRAM)."""

from __future__ import annotations

import secrets
import tomllib
from pathlib import Path

from deploy.acls import access, principal
from deploy.private_files import write_private
from deploy.settings import Settings
from streams.log.kafka_admin import KafkaAdmin

CREDENTIALS_FILE = "kafka-credentials.toml"


def create_logins(settings: Settings, admin: KafkaAdmin) -> list[str]:
    """Create a login with a random password for each principal that has none; return the names of those created.

    1 add the passwords to `<data_dir>/kafka-credentials.toml`, readable by this user only 2 create the logins on the
    broker. Existing logins are not changed.

    Raises:
        KafkaRefused: the cluster refuses to create logins.
    """
    if not settings.kafka.sasl_mechanism.startswith("SCRAM-"):
        return []
    names = [principal(rights.process, settings).removeprefix("User:") for rights in access(settings)]
    missing = sorted(set(names) - admin.scram_users())
    if not missing:
        return []
    passwords = {name: secrets.token_urlsafe(24) for name in missing}
    _save(settings.data_dir / CREDENTIALS_FILE, passwords, settings.kafka.sasl_mechanism)
    admin.add_scram_users(settings.kafka.sasl_mechanism, passwords)
    return missing


def _save(path: Path, passwords: dict[str, str], mechanism: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = tomllib.loads(path.read_text()) if path.is_file() else {}
    logins = {name: login["sasl_password"] for name, login in saved.items()} | passwords
    sections = [
        f'[{name}]\nsasl_mechanism = "{mechanism}"\nsasl_username = "{name}"\nsasl_password = "{password}"\n'
        for name, password in logins.items()
    ]
    write_private(path, "\n".join(sections))
