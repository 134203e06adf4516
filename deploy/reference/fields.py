"""JSON Schemas as tables of fields: name, type with its bounds, default, meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.reference.markdown import code, prose, table
from schemas.bounds import (
    CLOCK_TIME,
    LANGUAGE_TAG,
    NO_CONTROL,
    NOT_RESERVED,
    PATTERN_DESCRIPTIONS,
    PRINTABLE,
    SOURCE_NAME,
)

Schema = Mapping[str, Any]
FIELDS_HEADER = ("field", "type", "default", "meaning")
SCHEMA_BOUNDS = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
SIZES = {
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
}
PATTERNS = {
    CLOCK_TIME: "time of day",
    SOURCE_NAME: "source name",
    PRINTABLE: "printable",
    NOT_RESERVED: "printable, not reserved",
    NO_CONTROL: "no control characters",
    LANGUAGE_TAG: "language tag",
}
EXPLAINED = "\n".join(f"- *{name}*: {PATTERN_DESCRIPTIONS[pattern]}." for pattern, name in PATTERNS.items())
"""The meaning of the patterns' names, as a list."""


def messages(schema: Schema, *, level: int) -> str:
    """Return every object of a schema, the root's alternatives first, each under a heading of this level."""
    named = schema.get("$defs", {})
    parts: list[str] = []
    for name, definition in _in_order(schema, named):
        if "properties" in definition:
            parts += [f"{'#' * level} {name}", prose(definition.get("description")), fields(definition)]
        elif "enum" in definition:
            parts += [f"{'#' * level} {name}", ", ".join(code(value) for value in definition["enum"])]
    return "\n\n".join(parts)


def _in_order(schema: Schema, named: Schema) -> Iterator[tuple[str, Schema]]:
    roots = [_name(choice) for choice in schema.get("anyOf", [schema]) if "$ref" in choice]
    yield from ((name, named[name]) for name in roots)
    yield from ((name, definition) for name, definition in named.items() if name not in roots)


def fields(schema: Schema) -> str:
    """Return the table of an object's fields; mandatory ones are marked `required`."""
    required = set(schema.get("required", ()))
    rows = [
        (
            f"`{name}`",
            type_of(field),
            "required" if name in required else code(field.get("default")),
            prose(field.get("description")),
        )
        for name, field in schema["properties"].items()
    ]
    return table(FIELDS_HEADER, rows)


def type_of(schema: Schema) -> str:
    """Return a type in words.

    >>> type_of({"type": "array", "items": {"type": "number", "minimum": 0}, "maxItems": 3})
    'list (at most 3) of number (≥ 0)'
    >>> type_of({"anyOf": [{"$ref": "#/$defs/Plan"}, {"type": "null"}]})
    'Plan or null'
    """
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(type_of(option) for option in schema[choice]))
    if "$ref" in schema:
        return _name(schema)
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    kind = str(schema.get("type", "any value")).replace("array", "list").replace("string", "text")
    return kind.replace("integer", "whole number") + _bounds(schema) + _inner(schema)


def _name(schema: Schema) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _bounds(schema: Schema) -> str:
    bounds = [f"{sign} {schema[key]:,g}" for key, sign in SCHEMA_BOUNDS.items() if key in schema]
    bounds += [words.format(f"{schema[key]:,}") for key, words in SIZES.items() if key in schema]
    if "pattern" in schema:
        bounds.append(PATTERNS.get(schema["pattern"], f"matching `{schema['pattern']}`"))
    return f" ({', '.join(bounds)})" if bounds else ""


def _inner(schema: Schema) -> str:
    match schema:
        case {"prefixItems": [*parts]}:
            return " of " + ", ".join(type_of(part) for part in parts)
        case {"items": dict(inner)} if inner:
            return f" of {type_of(inner)}"
        case {"additionalProperties": dict(inner)} if inner:
            return f" of {type_of(inner)}"
        case _:
            return ""
