"""Compatibility of a message's new JSON Schema with the published one, for writers and for readers.

Both are checked, because the log holds old values for years while new writers join: no valid value may become
invalid, and no published field may be removed. Adding an optional field is always possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return every way in which `new` breaks what `old` promises; an empty list means that `new` may be published.

    >>> old = {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}
    >>> breaks(old, old | {"required": ["a"]})
    ['$: field a became required']
    """
    return list(_breaks(old, new, (old, new), "$", frozenset()))


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _breaks(old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str, seen: frozenset[str]) -> Iterator[str]:
    reference = old.get("$ref", "")
    if reference in seen:
        return
    seen = seen | {reference} if reference else seen
    old, new = _resolve(old, roots[0]), _resolve(new, roots[1])
    if old.get("type") != new.get("type"):
        yield f"{path}: type {old.get('type')!r} became {new.get('type')!r}"
        return
    yield from _narrowed(old, new, path)
    yield from _objects(old, new, roots, path, seen)
    yield from _unions(old, new, roots, path, seen)
    for inner in ("items", "additionalProperties"):
        if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
            yield from _breaks(old[inner], new[inner], roots, f"{path}[]", seen)
    prefixes = zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
    for index, (old_prefix, new_prefix) in enumerate(prefixes):
        yield from _breaks(old_prefix, new_prefix, roots, f"{path}[{index}]", seen)


def _narrowed(old: Schema, new: Schema, path: str) -> Iterator[str]:
    allowed = new.get("enum")
    for removed in sorted(str(value) for value in old.get("enum", ()) if allowed is not None and value not in allowed):
        yield f"{path}: value {removed!r} is no longer allowed"
    if old.get("const") != new.get("const"):
        yield f"{path}: {old.get('const')!r} became {new.get('const')!r}"
    for bound in _LOWER_BOUNDS:
        if bound in new and new[bound] > old.get(bound, float("-inf")):
            yield f"{path}: {bound} was raised to {new[bound]}"
    for bound in _UPPER_BOUNDS:
        if bound in new and new[bound] < old.get(bound, float("inf")):
            yield f"{path}: {bound} was lowered to {new[bound]}"


def _objects(old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str, seen: frozenset[str]) -> Iterator[str]:
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{path}: field {name} became required"
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for name in old_fields:
        if name not in new_fields:
            yield f"{path}: field {name} was removed"
        else:
            yield from _breaks(old_fields[name], new_fields[name], roots, f"{path}.{name}", seen)


def _unions(old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str, seen: frozenset[str]) -> Iterator[str]:
    old_members, new_members = _members(old, roots[0]), _members(new, roots[1])
    for name, member in old_members.items():
        if name not in new_members:
            yield f"{path}: variant {name} was removed"
        else:
            yield from _breaks(member, new_members[name], roots, f"{path}|{name}", seen)


def _members(schema: Schema, root: Schema) -> dict[str, Schema]:
    """Return the members of a union by the value of their tag, or else by their definition's name or their type."""
    members = {}
    for member in schema.get("anyOf", ()):
        resolved = _resolve(member, root)
        tags = resolved.get("properties", {}).get("type", {}).get("enum", ())
        name = tags[0] if len(tags) == 1 else member.get("$ref") or resolved.get("type") or str(member)
        members[str(name).rsplit("/", 1)[-1]] = member
    return members
