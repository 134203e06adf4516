"""Settings as people read them: each with its value and its source, and a commented file to begin from."""

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
from deploy.settings_checks import section_of, setting_names, shape_of, variable_of

MASK = "********"
FILE_HEADER = """\
Settings of Lifelong: every one there is, with its default. Take the `#` off those that you change.
Environment variables go before this file: LIFELONG_KAFKA__BOOTSTRAP=broker:9092 (two underscores step into a section).
"""


class SourcedSetting(Struct, frozen=True):
    """A setting in force: its dotted name, its value (secrets masked), and where that was read."""

    name: str
    value: Any
    source: str


def sourced(settings: Settings, layers: Layers) -> list[SourcedSetting]:
    """Every setting with its value and the source that named it."""
    return [_sourced(settings, layers, path) for path in setting_names(Settings)]


def _sourced(settings: Settings, layers: Layers, path: tuple[str, ...]) -> SourcedSetting:
    value: Any = settings
    for part in path:
        value = getattr(value, part)
    return SourcedSetting(".".join(path), plain(value), _source(layers, path))


def _source(layers: Layers, path: tuple[str, ...]) -> str:
    if shape_of(layers.environment, path):
        return f"environment, {variable_of(path)}"
    if shape_of(layers.own, path):
        return str(layers.own_path)
    return str(layers.endpoints_path) if shape_of(layers.endpoints, path) else "default"


def plain(value: Any) -> Any:
    """A value as JSON has it; what is secret is masked, unless it is empty. A URL's password is part of a secret.

    >>> plain(SecretStr("hush")), plain(SecretStr("")), plain(Path("a"))
    ('********', '', 'a')
    """
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case BaseModel():
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case tuple() | list():
            return [plain(one) for one in value]
        case Path():
            return str(value)
        case _:
            return value


def example() -> str:
    """A `lifelong.toml` that names every setting in a comment: it loads as it is, and with any `#` taken off."""
    lines = [f"# {line}" for line in FILE_HEADER.splitlines()]
    for name, field in Settings.model_fields.items():
        if section_of(Settings, name) is None:
            lines += ["", _line(name, field)]
    for name in Settings.model_fields:
        section = section_of(Settings, name)
        if section is not None:
            lines += ["", *(f"# {line}" for line in _said(section)), f"[{name}]"]
            lines += [_line(key, field) for key, field in section.model_fields.items()]
    return "\n".join(lines) + "\n"


def _said(section: type[BaseModel]) -> list[str]:
    paragraphs = (section.__doc__ or "").replace("``", "`").split("\n\n")
    return [line for each in paragraphs for line in wrap(" ".join(each.split()), 110)]


def _line(name: str, field: FieldInfo) -> str:
    allowed = _allowed(field)
    return f"#{name} = {toml(plain(field.default))}" + (f"  # {allowed}" if allowed else "")


def _allowed(field: FieldInfo) -> str:
    """What a setting may be, as far as its type tells: its bounds, or its words."""
    signs = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [f"{signs[key]} {getattr(each, key):g}" for each in field.metadata for key in signs if hasattr(each, key)]
    words = getattr(field.annotation, "__args__", ())
    if words and all(isinstance(word, str) for word in words):
        found.append(", ".join(words))
    return ", ".join(found)


def toml(value: Any) -> str:
    """A value in one line of TOML: JSON's strings, numbers, booleans and lists are TOML's; tables are inline.

    >>> toml({"rate": 2.0, "names": ["a"]})
    '{ rate = 2.0, names = ["a"] }'
    """
    if isinstance(value, dict):
        pairs = ", ".join(f"{name} = {toml(one)}" for name, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)
