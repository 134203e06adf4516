"""``lifelong keys``: create, list, rotate and revoke keys; a running gateway reads them within a second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.markup import escape

from deploy.cli.shown import AsJson, Column, NothingDone, complete_id, listing, put_json, utc
from deploy.cli.terminal import Console
from deploy.clients import wall_clock
from deploy.gateway.access.callers import Limits
from deploy.gateway.access.key_file import KeyFile, changing, key_path, read_keys, write_keys
from deploy.gateway.access.keys import ApiKey, SigningKey, is_valid, new_key, new_signing_key, rotate
from deploy.gateway.access.scopes import ALL_SCOPES, Scope
from deploy.settings import load_settings
from deploy.settings.checks import nearest

KEY_COLUMNS = (
    Column("id"),
    Column("state"),
    Column("application"),
    Column("tenant"),
    Column("scopes", prose=True),
    Column("created"),
    Column("expires"),
    Column("limits", prose=True),
)
HOUR, DAY = 3_600.0, 86_400.0
NAME = r"[a-z0-9][a-z0-9-]{0,31}"
KEY_HINT = "`lifelong keys list` shows them"
KeyId = Annotated[str, typer.Argument(help="Id as `list` shows it, or its first characters.", metavar="ID")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    keys = typer.Typer(help="Keys of the gateway: create, list, rotate, revoke.", no_args_is_help=True)
    keys.command("create")(create)
    keys.command("list")(list_keys)
    keys.command("rotate")(rotate_key)
    keys.command("revoke")(revoke)
    keys.command("rotate-signing")(rotate_signing)
    app.add_typer(keys, name="keys")


def create(
    application: Annotated[str, typer.Argument(help="Which application uses it: for lists and the audit log.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may do, repeatable: {', '.join(ALL_SCOPES)}.")],
    tenant: Annotated[str, typer.Option(help="Reach only ids that begin with this name and a colon.")] = "",
    days: Annotated[float | None, typer.Option(help="Days until it expires; without, never.", min=0.01)] = None,
    per_second: Annotated[float, typer.Option(help="Requests per second; 0: as the settings say.", min=0)] = 0.0,
    burst: Annotated[int, typer.Option(help="Requests at once; 0: those of a second.", min=0)] = 0,
    per_day: Annotated[int, typer.Option(help="Values per day (UTC); 0: as the settings say.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Create a key, and print it: it is shown this once, and stored only as a hash."""
    _check_name("application", application)
    if tenant:
        _check_name("tenant", tenant)
    now = wall_clock()
    key, presented = new_key(
        application,
        scopes=_scopes(scope),
        now=now,
        tenant=tenant,
        expires_at=now + days * DAY if days is not None else None,
        limits=Limits(per_second=per_second, burst=burst, per_day=per_day),
    )
    path = key_path(load_settings())
    with changing(path) as content:
        signing = content.signing or (new_signing_key(now=now),)
        write_keys(path, KeyFile(keys=(*content.keys, key), signing=signing))
    _show_presented(key, presented, as_json)


def list_keys(as_json: AsJson = False) -> None:
    """List all keys, revoked and expired ones included; secrets are not stored."""
    keys, now = read_keys(key_path(load_settings())).keys, wall_clock()
    if as_json:
        put_json([_without_secrets(key, now) for key in keys])
        return
    console = Console(highlight=False)
    rows = [_row(key, now) for key in keys]
    console.print(listing(console, KEY_COLUMNS, rows) if rows else "No keys: those of the settings have every scope.")


def rotate_key(
    key_id: KeyId,
    overlap: Annotated[float, typer.Option(help="Hours for which the old secret stays valid.", min=0)] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret, and print it: both are valid for a while. A second rotation ends the first secret."""
    path, now = key_path(load_settings()), wall_clock()
    with changing(path) as content:
        key = _named(content.keys, key_id)
        if not is_valid(key, now=now):
            raise NothingDone(f"key {key.id} is {_state(key, now)}: create another one")
        rotated, presented = rotate(key, now=now, overlap=overlap * HOUR)
        write_keys(path, replace(content, keys=_exchanged(content.keys, rotated)))
    _show_presented(rotated, presented, as_json)


def revoke(key_id: KeyId) -> None:
    """Revoke a key, and with it the tokens that it issued. It stays in the list."""
    path, now = key_path(load_settings()), wall_clock()
    with changing(path) as content:
        key = _named(content.keys, key_id)
        if key.revoked_at is not None:
            raise NothingDone(f"key {key.id} is revoked already")
        write_keys(path, replace(content, keys=_exchanged(content.keys, replace(key, revoked_at=now))))
    Console(highlight=False).print(f"Revoked {key.id} of {key.application}.", markup=False)


def rotate_signing(
    overlap: Annotated[float, typer.Option(help="Hours for which tokens of the old key stay valid.", min=0)] = 1.0,
) -> None:
    """Sign tokens of users with a new key from now on; expired signing keys are removed."""
    path, now = key_path(load_settings()), wall_clock()
    with changing(path) as content:
        kept = [_ending(key, now + overlap * HOUR) for key in content.signing]
        kept = [key for key in kept if key.expires_at is not None and key.expires_at > now]
        write_keys(path, replace(content, signing=(*kept, new_signing_key(now=now))))
    Console(highlight=False).print(f"Tokens are signed with a new key; {len(kept)} old keys are still accepted.")


def _ending(key: SigningKey, at: float) -> SigningKey:
    return replace(key, expires_at=at if key.expires_at is None else min(at, key.expires_at))


def _scopes(names: Sequence[str]) -> tuple[Scope, ...]:
    """Return scopes by their names, each once, in the order of the table."""
    for name in names:
        if name not in ALL_SCOPES:
            raise typer.BadParameter(f"there is no scope {name!r}: {nearest(name, ALL_SCOPES)}")
    return tuple(scope for scope in ALL_SCOPES if scope in names)


def _check_name(what: str, name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise typer.BadParameter(f"{what} {name!r}: a name has at most 32 lower-case letters, digits and hyphens")


def _named(keys: Sequence[ApiKey], prefix: str) -> ApiKey:
    by_id = {key.id: key for key in keys}
    return by_id[complete_id(prefix, list(by_id), what="key", hint=KEY_HINT)]


def _exchanged(keys: Sequence[ApiKey], changed: ApiKey) -> tuple[ApiKey, ...]:
    return tuple(changed if key.id == changed.id else key for key in keys)


def _show_presented(key: ApiKey, presented: str, as_json: bool) -> None:
    if as_json:
        put_json({"id": key.id, "key": presented})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Key {key.id} of {key.application}, shown this once. Send it as the header X-API-Key:", markup=False)
    console.print(presented, markup=False)


def _row(key: ApiKey, now: float) -> tuple[str, ...]:
    limits = {"a second": key.limits.per_second, "at once": key.limits.burst, "a day": key.limits.per_day}
    shown = ", ".join(f"{value:g} {name}" for name, value in limits.items() if value)
    texts = (key.id, _state(key, now), key.application, key.tenant or "-", ", ".join(key.scopes))
    return tuple(map(escape, (*texts, _date(key.created_at), _date(key.expires_at), shown or "-")))


def _state(key: ApiKey, now: float) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if is_valid(key, now=now) else "expired"


def _date(at: float | None) -> str:
    return "-" if at is None else utc(at, "%Y-%m-%d")


def _without_secrets(key: ApiKey, now: float) -> dict[str, object]:
    names = ("id", "application", "tenant", "scopes", "created_at", "expires_at", "revoked_at", "limits")
    return {"state": _state(key, now), **{name: getattr(key, name) for name in names}, "secrets": len(key.secrets)}
