"""Listings of settings: each with its value and its source, and a commented example file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from deploy.settings import Layers, Settings
from deploy.settings.checks import MASK, has_path, section_of, setting_names, variable_of, without_login

FILE_HEADER = """\
All settings of Lifelong with their defaults. Remove the `#` from those that you change.
Environment variables override this file: LIFELONG_KAFKA__BOOTSTRAP=broker:9092 (two underscores step into a section).
"""


class SourcedSetting(Struct, frozen=True):
    """An effective setting: its dotted name, its value (secrets masked), and its source."""

    name: str
    value: Any
    source: str


def sourced(settings: Settings, layers: Layers) -> list[SourcedSetting]:
    """Return every setting with its value and its source."""
    return [_sourced(settings, layers, path) for path in setting_names(Settings)]


def _sourced(settings: Settings, layers: Layers, path: tuple[str, ...]) -> SourcedSetting:
    value: Any = settings
    for part in path:
        value = getattr(value, part)
    return SourcedSetting(".".join(path), plain(value), _source(layers, path))


def _source(layers: Layers, path: tuple[str, ...]) -> str:
    if has_path(layers.environment, path):
        return f"environment, {variable_of(path)}"
    if has_path(layers.own, path):
        return str(layers.own_path)
    return str(layers.endpoints_path) if has_path(layers.endpoints, path) else "default"


def plain(value: Any) -> Any:
    """Return a value as JSON types; non-empty secrets and logins in addresses are masked.

    >>> plain(SecretStr("hush")), plain(SecretStr("")), plain(Path("a")), plain("http://root:hush@milvus")
    ('********', '', 'a', 'http://********@milvus')
    """
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case BaseModel():
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        case Mapping():
            return {str(name): plain(entry) for name, entry in value.items()}
        case tuple() | list():
            return [plain(entry) for entry in value]
        case Path():
            return str(value)
        case str():
            return without_login(value)
        case _:
            return value


def example() -> str:
    """Return a `lifelong.toml` with every setting in a comment; it loads unchanged, and with any `#` removed."""
    lines = [f"# {line}" for line in FILE_HEADER.splitlines()]
    for name, field in Settings.model_fields.items():
        if section_of(Settings, name) is None:
            lines += ["", _line(name, field)]
    for name in Settings.model_fields:
        section = section_of(Settings, name)
        if section is not None:
            lines += ["", *(f"# {line}" for line in _described(section)), f"[{name}]"]
            lines += [_line(key, field) for key, field in section.model_fields.items()]
    return "\n".join(lines) + "\n"


def _described(section: type[BaseModel]) -> list[str]:
    paragraphs = (section.__doc__ or "").replace("``", "`").split("\n\n")
    return [line for paragraph in paragraphs for line in wrap(" ".join(paragraph.split()), 110)]


def _line(name: str, field: FieldInfo) -> str:
    allowed = _allowed(field)
    return f"#{name} = {toml(plain(field.default))}" + (f"  # {allowed}" if allowed else "")


def _allowed(field: FieldInfo) -> str:
    """Return what a setting may be, as far as its type says: its bounds, or its words."""
    signs = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    bounds = [
        f"{signs[key]} {getattr(bound, key):g}" for bound in field.metadata for key in signs if hasattr(bound, key)
    ]
    words = getattr(field.annotation, "__args__", ())
    if words and all(isinstance(word, str) for word in words):
        bounds.append(", ".join(words))
    return ", ".join(bounds)


def toml(value: Any) -> str:
    """Return a value in one line of TOML: strings, numbers, booleans and lists as in JSON, tables inline.

    >>> toml({"rate": 2.0, "names": ["a"]})
    '{ rate = 2.0, names = ["a"] }'
    """
    if isinstance(value, dict):
        pairs = ", ".join(f"{name} = {toml(entry)}" for name, entry in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)
