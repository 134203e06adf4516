"""Builds access control from the settings."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from deploy.clients import wall_clock
from deploy.gateway.access.audit import AUDIT_FILE, AuditLog
from deploy.gateway.access.callers import Limits
from deploy.gateway.access.control import AccessControl
from deploy.gateway.access.key_file import changing, key_path, write_keys
from deploy.gateway.access.key_ring import KeyRing
from deploy.gateway.access.keys import new_signing_key
from deploy.gateway.access.quotas import QUOTA_FILE, QuotaFile, read_usage
from deploy.gateway.access.rates import RateLimiter
from deploy.gateway.access.user_tokens import UserTokens
from deploy.monitoring.telemetry import AUDIT_DROPPED, count_refusal
from deploy.settings import Settings, SettingsError

logger = logging.getLogger(__name__)


def make_access(settings: Settings) -> AccessControl:
    """Build access control.

    Raises:
        SettingsError: there is no key, one of the settings' is empty, or the file of keys holds something else.
    """
    gateway = settings.gateway
    ring = make_key_ring(settings)
    user_limits = Limits(per_second=gateway.user_requests_per_second)
    tokens = UserTokens(
        ring,
        audience=gateway.token_audience,
        seconds=gateway.token_seconds,
        clock=wall_clock,
        limits=user_limits,
    )
    quota_path = settings.data_dir / QUOTA_FILE
    limiter = RateLimiter(clock=wall_clock, monotonic=time.monotonic, before=read_usage(quota_path))
    return AccessControl(
        ring=ring,
        tokens=tokens,
        limiter=limiter,
        clock=wall_clock,
        audit=_make_audit(settings),
        quotas=QuotaFile(quota_path, limiter.day_usage),
        audited=gateway.audit,
        pages={"metrics": gateway.metrics, "docs": gateway.docs},
        observe_refusal=count_refusal,
    )


def make_key_ring(settings: Settings) -> KeyRing:
    """Build the keys: those of the settings, and those of the file; see `make_access`."""
    gateway = settings.gateway
    static = [key.get_secret_value() for key in gateway.api_keys]
    if not all(static):
        raise SettingsError("setting gateway.api_keys holds an empty key: remove it")
    path = key_path(settings)
    if not gateway.keys_file:
        _ensure_signing_key(path, wall_clock)
    limits = Limits(per_second=gateway.requests_per_second, per_day=gateway.values_per_day)
    ring = KeyRing(static, path, clock=wall_clock, monotonic=time.monotonic, limits=limits)
    if ring.is_empty:
        raise SettingsError(
            f"there is no key: neither in setting gateway.api_keys nor in {str(path)!r}. `lifelong up` generates one, "
            "`lifelong keys create` makes one with scopes, or set your own, "
            """LIFELONG_GATEWAY__API_KEYS='["a-long-secret"]'"""
        )
    return ring


def _ensure_signing_key(path: Path, clock: Callable[[], float]) -> None:
    """Make a key that signs user tokens, where there is none; a file that the settings name is the operator's."""
    try:
        with changing(path) as content:
            if not content.signing:
                write_keys(path, replace(content, signing=(new_signing_key(now=clock()),)))
    except OSError as exc:
        logger.warning("no key to sign users' tokens with: %r cannot be written: %s", str(path), exc.strerror)


def _make_audit(settings: Settings) -> AuditLog | None:
    """Build the audit log; none if the settings want none.

    Raises:
        SettingsError: the data directory cannot be written: nothing may go unaudited without anybody's knowing.
    """
    gateway = settings.gateway
    if gateway.audit == "off":
        return None
    path = settings.data_dir / AUDIT_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            path.chmod(0o600)
    except OSError as exc:
        raise SettingsError(
            f"the audit log {str(path)!r} cannot be written: {exc.strerror}; make data_dir writable, or set "
            "gateway.audit = 'off'"
        ) from exc
    return AuditLog(path, megabytes=gateway.audit_mb, files=gateway.audit_files, dropped=AUDIT_DROPPED.inc)
