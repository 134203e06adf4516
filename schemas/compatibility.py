"""Whether a new JSON Schema of a message still serves those who write and read the old one.

Both ways are checked, as the log holds old values for years while new writers join: nothing that was valid may
become invalid, and no field that was promised may go. Adding an optional field is always possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Every way in which `new` breaks what `old` promised; empty if it may be published.

    >>> old = {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}
    >>> breaks(old, old | {"required": ["a"]})
    ['$: field a became required']
    """
    return list(_breaks(old, new, (old, new), "$", frozenset()))


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _breaks(old: Schema, new: Schema, roots: tuple[Schema, Schema], at: str, seen: frozenset[str]) -> Iterator[str]:
    reference = old.get("$ref", "")
    if reference in seen:
        return
    seen = seen | {reference} if reference else seen
    old, new = _resolve(old, roots[0]), _resolve(new, roots[1])
    if old.get("type") != new.get("type"):
        yield f"{at}: type {old.get('type')!r} became {new.get('type')!r}"
        return
    yield from _narrowed(old, new, at)
    yield from _objects(old, new, roots, at, seen)
    yield from _unions(old, new, roots, at, seen)
    for inner in ("items", "additionalProperties"):
        if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
            yield from _breaks(old[inner], new[inner], roots, f"{at}[]", seen)
    for place, (was, now) in enumerate(zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)):
        yield from _breaks(was, now, roots, f"{at}[{place}]", seen)


def _narrowed(old: Schema, new: Schema, at: str) -> Iterator[str]:
    allowed = new.get("enum")
    for gone in sorted(str(value) for value in old.get("enum", ()) if allowed is not None and value not in allowed):
        yield f"{at}: value {gone!r} is no longer allowed"
    if old.get("const") != new.get("const"):
        yield f"{at}: {old.get('const')!r} became {new.get('const')!r}"
    for bound in _LOWER_BOUNDS:
        if bound in new and new[bound] > old.get(bound, float("-inf")):
            yield f"{at}: {bound} was raised to {new[bound]}"
    for bound in _UPPER_BOUNDS:
        if bound in new and new[bound] < old.get(bound, float("inf")):
            yield f"{at}: {bound} was lowered to {new[bound]}"


def _objects(old: Schema, new: Schema, roots: tuple[Schema, Schema], at: str, seen: frozenset[str]) -> Iterator[str]:
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{at}: field {name} became required"
    was, now = old.get("properties", {}), new.get("properties", {})
    for name in was:
        if name not in now:
            yield f"{at}: field {name} was removed"
        else:
            yield from _breaks(was[name], now[name], roots, f"{at}.{name}", seen)


def _unions(old: Schema, new: Schema, roots: tuple[Schema, Schema], at: str, seen: frozenset[str]) -> Iterator[str]:
    was, now = _members(old, roots[0]), _members(new, roots[1])
    for name, member in was.items():
        if name not in now:
            yield f"{at}: variant {name} was removed"
        else:
            yield from _breaks(member, now[name], roots, f"{at}|{name}", seen)


def _members(schema: Schema, root: Schema) -> dict[str, Schema]:
    """The members of a union by the name of their definition, or by their own shape."""
    members = {}
    for member in schema.get("anyOf", ()):
        name = member.get("$ref") or _resolve(member, root).get("type") or str(member)
        members[str(name).rsplit("/", 1)[-1]] = member
    return members
