"""Read the settings from their sources, and refuse what is unknown or invalid."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as PydanticSettingsError

from deploy.settings import checks
from deploy.settings.model import Settings
from deploy.settings.tls import unfit_tls
from schemas.errors import LifelongError

ENDPOINTS_FILE = "endpoints.toml"


class SettingsError(LifelongError):
    """A setting is unknown, missing or has a value that is not allowed."""


class Layers(BaseModel):
    """The values of each source, in order of precedence, and the paths of the last two."""

    environment: dict[str, Any]
    own: dict[str, Any]
    own_path: Path
    endpoints: dict[str, Any] = {}
    endpoints_path: Path


def config_path() -> Path:
    """Return the user's settings file; it need not exist, unless `LIFELONG_CONFIG` names it."""
    return Path(os.environ.get(checks.CONFIG, "lifelong.toml"))


def load_settings(*, with_endpoints: bool = True) -> Settings:
    """Read the settings from all sources.

    ``with_endpoints=False`` ignores the file that ``lifelong up`` writes: so ``up`` itself distinguishes servers of the
    user from those that it starts.

    Raises:
        SettingsError: a setting is unknown or invalid; the message names it, its value and what is allowed.
    """
    return load_layers(with_endpoints=with_endpoints)[0]


def load_layers(*, with_endpoints: bool = True) -> tuple[Settings, Layers]:
    """Return the settings as `load_settings`, and the values of each source."""
    path = config_path()
    _refuse(checks.missing_config(os.environ, path.is_file()))
    own = _read_toml(path)
    base = _validated(own)
    endpoints_path = base.data_dir / ENDPOINTS_FILE
    endpoints = _read_toml(endpoints_path) if with_endpoints else {}
    env = EnvSettingsSource(Settings)()
    layers = Layers(environment=env, own=own, own_path=path, endpoints=endpoints, endpoints_path=endpoints_path)
    return (_validated(_merged(endpoints, own)) if endpoints else base), layers


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{str(path)!r} is not TOML: {exc}; correct it or remove it") from exc
    except OSError as exc:
        raise SettingsError(f"{str(path)!r} cannot be read: {exc.strerror}; make it readable or remove it") from exc


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return two nested tables merged; ``over`` wins.

    >>> _merged({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}})
    {'a': {'x': 3, 'y': 2}}
    """
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _validated(values: dict[str, Any]) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as exc:
        raise SettingsError(checks.explained(exc, Settings)) from exc
    except PydanticSettingsError as exc:
        raise SettingsError(f"{exc}: a table or list in the environment is written as JSON") from exc
    _refuse(checks.unknown_variable(os.environ, Settings))
    _refuse(checks.incomplete_experiment(settings))
    _refuse(unfit_tls(settings))
    return settings


def _refuse(problem: str) -> None:
    if problem:
        raise SettingsError(problem)
