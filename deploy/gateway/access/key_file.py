"""The file of keys: JSON of mode 0600, replaced in one step, so that a gateway never reads half of it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.gateway.access.keys import ApiKey, SigningKey
from deploy.private_files import write_private
from deploy.settings import Settings, SettingsError

KEY_FILE = "gateway-keys.json"


class KeyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything in the file of keys."""

    keys: tuple[ApiKey, ...] = ()
    signing: tuple[SigningKey, ...] = ()


def key_path(settings: Settings) -> Path:
    """Return where the keys are: the setting `gateway.keys_file`, or else in the data directory."""
    named = settings.gateway.keys_file
    return Path(named) if named else settings.data_dir / KEY_FILE


def read_keys(path: Path) -> KeyFile:
    """Return the keys in a file; none if there is no file.

    Raises:
        SettingsError: it holds something else, or cannot be read; the message quotes nothing of it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeyFile)
    except FileNotFoundError:
        return KeyFile()
    except OSError as exc:
        raise SettingsError(f"{str(path)!r} cannot be read: {exc.strerror}; make it readable, or remove it") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        where = str(exc) if isinstance(exc, msgspec.ValidationError) else "it is not JSON"
        raise SettingsError(f"{str(path)!r} does not hold keys: {where}; restore a copy, or remove it") from exc


def write_keys(path: Path, content: KeyFile) -> None:
    """Replace the file by one of mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, msgspec.json.format(msgspec.json.encode(content)).decode())


@contextmanager
def changing(path: Path) -> Iterator[KeyFile]:
    """Yield the keys while no other command changes them; write the file within, with `write_keys`.

    Raises:
        SettingsError: see `read_keys`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read_keys(path)
