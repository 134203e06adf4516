"""The reference of settings: every section and setting of `deploy.settings`, with defaults and bounds."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deploy.reference.markdown import code, prose, table
from deploy.settings import Settings
from deploy.settings.checks import section_of, variable_of
from deploy.settings.listing import example, plain

SETTINGS_HEADER = ("setting", "default", "allowed", "environment variable")
SETTINGS_INTRODUCTION = """\
Every setting, with its default. Sources, in order of precedence: environment variables, `lifelong.toml` in the working
directory (or the file that `LIFELONG_CONFIG` names), `<data_dir>/endpoints.toml` as `lifelong up` writes it, defaults.
`lifelong config show` prints the effective values and the source of each; `lifelong config example` prints the file at
the end of this page.
"""
SETTING_BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def settings_page() -> str:
    """Return the page as Markdown."""
    parts = ["# Settings", SETTINGS_INTRODUCTION, _top_level()]
    for name in Settings.model_fields:
        section = section_of(Settings, name)
        if section is not None:
            rows = [_row((name, key), field) for key, field in section.model_fields.items()]
            parts += [f"## `[{name}]`", prose(section.__doc__), table(SETTINGS_HEADER, rows), *_nested(section)]
    parts += ["## A commented `lifelong.toml`", f"```toml\n{example()}```"]
    return "\n\n".join(parts) + "\n"


def _top_level() -> str:
    plain_fields = [
        _row((name,), field) for name, field in Settings.model_fields.items() if not section_of(Settings, name)
    ]
    return table(SETTINGS_HEADER, plain_fields)


def _row(path: tuple[str, ...], field: FieldInfo) -> tuple[str, str, str, str]:
    return f"`{'.'.join(path)}`", code(plain(field.default)), allowed(field), f"`{variable_of(path)}`"


def allowed(field: FieldInfo) -> str:
    """Return what a setting may be, as far as its type says: its words, its bounds, or its type's name.

    >>> allowed(Settings.model_fields["gateway"].annotation.model_fields["port"])
    'whole number, ≥ 0, ≤ 65535'
    """
    words = getattr(field.annotation, "__args__", ())
    if words and all(isinstance(word, str) for word in words):
        return ", ".join(code(word) for word in words)
    bounds = [
        f"{sign} {getattr(bound, key):g}"
        for bound in field.metadata
        for key, sign in SETTING_BOUNDS.items()
        if hasattr(bound, key)
    ]
    return ", ".join([_type(field), *bounds])


def _type(field: FieldInfo) -> str:
    name = getattr(field.annotation, "__name__", str(field.annotation))
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "`true` or `false`", "Path": "path"}
    names |= {"SecretStr": "text, secret", "tuple": "list", "dict": "table"}
    return names.get(name, "number, or left out")


def _nested(section: type[BaseModel]) -> list[str]:
    """Return the fields of tables in tables, such as the arms of an experiment."""
    parts: list[str] = []
    for key, field in section.model_fields.items():
        for model in _models(field.annotation):
            rows = [
                (f"`{name}`", code(plain(inner.default)), allowed(inner)) for name, inner in model.model_fields.items()
            ]
            parts += [f"Each entry of `{key}`: {prose(model.__doc__)}", table(SETTINGS_HEADER[:3], rows)]
    return parts


def _models(annotation: object) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        models += [argument] if isinstance(argument, type) and issubclass(argument, BaseModel) else _models(argument)
    return models
