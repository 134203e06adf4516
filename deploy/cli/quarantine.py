"""``lifelong quarantine``: keep the choices of accounts out of everything that users share, and undo it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json, utc
from deploy.cli.terminal import Console
from deploy.clients import make_publisher, wall_clock
from deploy.settings import Settings, load_settings
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.ids import EventId, UserId
from schemas.quarantines import Quarantine
from schemas.topics import QUARANTINES
from streams.log.kafka_client import KafkaTableReader
from streams.log.records import Inbound, Message

Users = Annotated[list[str], typer.Argument(help="Ids of users.", metavar="USER")]
Reason = Annotated[str, typer.Option(help="Why, for those who read the list later.")]
QUARANTINE_COLUMNS = (Column("user"), Column("since"), Column("reason", prose=True))


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    quarantine = typer.Typer(help="Accounts whose choices do not count: add, list, lift.", no_args_is_help=True)
    quarantine.command("add")(add)
    quarantine.command("list")(list_quarantined)
    quarantine.command("lift")(lift)
    app.add_typer(quarantine, name="quarantine")


def add(users: Users, reason: Reason = "") -> None:
    """Count no further choices of these accounts in statistics and models; they are served as before.

    What they did before counts until `lifelong rebuild`.
    """
    _decide(users, reason=reason, lifted=False)
    Console().print("Their choices count no more. `lifelong rebuild` also takes out what they did before.")


def lift(users: Users, reason: Reason = "") -> None:
    """Count the choices of these accounts again; `lifelong rebuild` also counts what was withheld."""
    _decide(users, reason=reason, lifted=True)
    Console().print("Their choices count again. `lifelong rebuild` also counts what was withheld.")


def list_quarantined(as_json: AsJson = False) -> None:
    """List the accounts in quarantine, with since when and why."""
    decisions = in_quarantine(_read(load_settings()), now=wall_clock())
    if as_json:
        put_json(decisions)
        return
    rows = [(escape(one.user_id), utc(one.event_time), escape(one.reason)) for one in decisions]
    console = Console()
    console.print(listing(console, QUARANTINE_COLUMNS, rows) if rows else "No account is in quarantine.")


def in_quarantine(records: Sequence[Inbound], *, now: float) -> list[Quarantine]:
    """Return the decisions that hold, by user; records that are none are passed over, as workers set them aside."""
    newest: dict[UserId, Quarantine] = {}
    for record in records:
        try:
            decision: Quarantine = decode(QUARANTINES, record.value, now=now)
        except DecodeError:
            continue
        newest[decision.user_id] = decision
    return [newest[user] for user in sorted(newest) if not newest[user].lifted]


def decisions(users: Sequence[str], *, reason: str, lifted: bool, now: float) -> list[Quarantine]:
    """Return a checked decision about each of the users.

    Raises:
        DecodeError: a user id or the reason is not valid.
    """
    made = [
        Quarantine(event_id=EventId(uuid4().hex), user_id=UserId(user), event_time=now, lifted=lifted, reason=reason)
        for user in dict.fromkeys(users)
    ]
    for decision in made:
        decode(QUARANTINES, encode(decision), now=now)
    return made


def _decide(users: Sequence[str], *, reason: str, lifted: bool) -> None:
    try:
        made = decisions(users, reason=reason, lifted=lifted, now=wall_clock())
    except DecodeError as exc:
        raise NothingDone(f"nothing was sent: {exc}") from exc
    settings = load_settings()
    reach_kafka(settings, QUARANTINES)
    make_publisher(settings).publish(tuple(Message(QUARANTINES, decision.user_id, decision) for decision in made))


def _read(settings: Settings) -> list[Inbound]:
    reader = KafkaTableReader(reach_kafka(settings, QUARANTINES), (QUARANTINES,))
    try:
        return reader.catch_up()
    finally:
        reader.close()
