"""The keys that are valid now: those of the settings, and those of a file that is read again when it changes."""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from deploy.gateway.access.callers import NO_LIMITS, Caller, Limits
from deploy.gateway.access.key_file import KeyFile, read_keys
from deploy.gateway.access.keys import KEY_PREFIX, ApiKey, SigningKey, accepts, digest, is_valid
from deploy.gateway.access.scopes import ALL_SCOPES
from deploy.settings import SettingsError

logger = logging.getLogger(__name__)
CHECK_SECONDS = 1.0
"""How often the file is looked at."""
NO_FILE = (0, 0, 0)


class KeyRing:
    """Finds the caller that a presented key stands for, by one look-up and one hash. Used from one thread.

    A file that cannot be read any more changes nothing, and is logged; a removed file holds no keys. `clock` returns
    seconds since 1970, `monotonic` seconds that never go back.
    """

    def __init__(
        self,
        settings_keys: Sequence[str] = (),
        path: Path | None = None,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        limits: Limits = NO_LIMITS,
    ) -> None:
        self._static = {digest(key): _of_settings(number, limits) for number, key in enumerate(settings_keys)}
        self._static_ids = {caller.key for caller in self._static.values()}
        self._limits = limits
        self._path = path
        self._clock = clock
        self._monotonic = monotonic
        self._version = NO_FILE
        self._checked_at = float("-inf")
        self._keys: dict[str, ApiKey] = {}
        self._callers: dict[str, Caller] = {}
        self._signing: dict[str, SigningKey] = {}
        if path is not None:
            self._version = _version(path)
            self._take(read_keys(path))

    @property
    def is_empty(self) -> bool:
        """Return whether there is no key at all."""
        return not self._static and not self._keys

    @property
    def keys(self) -> tuple[ApiKey, ...]:
        """Return the keys of the file, revoked and expired ones included."""
        self._refresh()
        return tuple(self._keys.values())

    @property
    def settings_callers(self) -> tuple[Caller, ...]:
        """Return what the keys of the settings stand for."""
        return tuple(self._static.values())

    def caller(self, presented: str) -> Caller | None:
        """Return the caller of a presented key; none if it is not valid now."""
        self._refresh()
        prefix, _, rest = presented.partition("_")
        if prefix == KEY_PREFIX:
            key_id, _, secret = rest.partition("_")
            key = self._keys.get(key_id)
            if key is not None:
                return self._callers[key_id] if accepts(key, secret, now=self._clock()) else None
        return self._static.get(digest(presented))

    def is_valid(self, key_id: str) -> bool:
        """Return whether the key of this id is neither revoked nor expired nor removed."""
        self._refresh()
        key = self._keys.get(key_id)
        return key_id in self._static_ids or (key is not None and is_valid(key, now=self._clock()))

    def signing_key(self, key_id: str) -> SigningKey | None:
        """Return the signing key of this id; none if it is unknown or expired."""
        self._refresh()
        key = self._signing.get(key_id)
        return key if key is not None and (key.expires_at is None or self._clock() < key.expires_at) else None

    def newest_signing_key(self) -> SigningKey | None:
        """Return the key that signs new tokens; none if there is none."""
        self._refresh()
        usable = [key for key in self._signing.values() if key.expires_at is None]
        return max(usable, key=lambda key: key.created_at, default=None)

    def _refresh(self) -> None:
        now = self._monotonic()
        if self._path is None or now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        version = _version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._take(read_keys(self._path))
        except SettingsError as exc:
            logger.error("the keys stay as they were: %s", exc)
        else:
            logger.info("the keys were read again: there are %d", len(self._keys))

    def _take(self, content: KeyFile) -> None:
        self._keys = {key.id: key for key in content.keys}
        self._signing = {key.id: key for key in content.signing}
        self._callers = {key.id: self._caller_of(key) for key in content.keys}
        if self._path is not None and self._path.is_file() and self._path.stat().st_mode & stat.S_IRWXO:
            logger.warning("%r can be read by every user of this machine: set its mode to 0600", str(self._path))

    def _caller_of(self, key: ApiKey) -> Caller:
        limits = replace(
            self._limits,
            **{name: value for name in Limits.__struct_fields__ if (value := getattr(key.limits, name))},
        )
        scopes = frozenset(key.scopes)
        return Caller(key=key.id, application=key.application, tenant=key.tenant, scopes=scopes, limits=limits)


def _of_settings(number: int, limits: Limits) -> Caller:
    return Caller(key=f"settings-{number}", application="settings", scopes=frozenset(ALL_SCOPES), limits=limits)


def _version(path: Path) -> tuple[int, int, int]:
    """Return what changes with every replacement of the file; zeros if there is none."""
    try:
        found = path.stat()
    except OSError:
        return NO_FILE
    return found.st_mtime_ns, found.st_ino, found.st_size
