"""``lifelong user erase`` and ``erased``: remove all that is stored of a user, and prove it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from deploy.cli.look import read_user
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NothingDone, listing, put_json, utc
from deploy.cli.terminal import Console, put_line
from deploy.cli.user.instruct import User
from deploy.clients import make_publisher, wall_clock
from deploy.erasure_proof import Copy, ErasureProof, prove
from deploy.settings import Settings, load_settings
from schemas.codec import decode, encode
from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.ids import EventId, UserId
from schemas.topics import ERASURES
from streams.log.records import Message

PROOF_COLUMNS = (Column("copy"), Column("left", right=True), Column("gone by"))
LOOK_EVERY_SECONDS = 1.0


def erase(
    user: User,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until every copy has followed.", min=0.0)] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Erase a user from every copy, and wait until that is proved; what they did until now is refused for ever.

    What they do afterwards begins a new history. Logs keep their records until their retention ends.
    """
    if not yes:
        typer.confirm(f"All that is stored of {user!r} is removed, and cannot be brought back. Go on?", abort=True)
    settings = load_settings()
    reach_kafka(settings, ERASURES)
    erasure = Erasure(event_id=EventId(uuid4().hex), user_id=UserId(user), event_time=wall_clock())
    try:
        decode(ERASURES, encode(erasure), now=wall_clock())
    except DecodeError as exc:
        raise NothingDone(f"nothing was sent: {exc}") from exc
    make_publisher(settings).publish([Message(ERASURES, erasure.user_id, erasure)])
    ends = time.monotonic() + timeout
    while not (proof := _proof(settings, erasure.user_id)).follows(erasure) and time.monotonic() < ends:
        time.sleep(LOOK_EVERY_SECONDS)
    _show(proof, as_json=as_json, at_least=erasure.event_time)


def erased(user: User, as_json: AsJson = False) -> None:
    """Prove that a user is erased: what every copy still holds of them; exit code 1 if that is more than logs do.

    Reads the user's partitions of all topics, and the off-line log of features.
    """
    settings = load_settings()
    _show(_proof(settings, UserId(user)), as_json=as_json)


ERASE_COMMANDS: dict[str, Callable[..., None]] = {"erase": erase, "erased": erased}


def _proof(settings: Settings, user: UserId) -> ErasureProof:
    return prove(settings, reach_kafka(settings, ERASURES), read_user(settings, user))


def _show(proof: ErasureProof, *, as_json: bool, at_least: float = 0.0) -> None:
    """Show a proof; exit code 1 if it is none, or one of an erasure before `at_least`."""
    if as_json:
        put_json(proof)
    else:
        console = Console(highlight=False)
        console.print(listing(console, PROOF_COLUMNS, [_row(copy) for copy in proof.copies]))
        put_line(_summary(proof, at_least))
    if not proof.is_complete or proof.erased_at < at_least:
        raise typer.Exit(1)


def _row(copy: Copy) -> tuple[str, ...]:
    return escape(copy.where), str(copy.left), utc(copy.gone_at) if copy.gone_at is not None else ""


def _summary(proof: ErasureProof, at_least: float) -> str:
    if proof.erased_at == 0.0 or proof.erased_at < at_least:
        return f"{proof.user_id} is not erased yet." if at_least else f"{proof.user_id} was not erased."
    when = f"{proof.user_id} was erased as of {utc(proof.erased_at)}"
    if not proof.is_complete:
        return f"{when}, and not every copy has followed yet."
    return f"{when}: nothing is left" + (" but in logs." if any(copy.left for copy in proof.copies) else ".")
