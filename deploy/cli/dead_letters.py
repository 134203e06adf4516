"""``lifelong dead-letters``: what could not be used, why, and back into the log once it can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NothingDone, listing, one_of, put_json
from deploy.clients import make_publisher, wall_clock
from deploy.letters import folded, mark_of, readable
from deploy.settings import Settings, load_settings
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, Handled
from schemas.topics import DEAD_LETTERS
from streams.log.kafka_client import Cluster, KafkaPublisher, KafkaTableReader

Reason = Annotated[str, typer.Option(help="Only those with this reason code.")]
Ids = Annotated[list[str] | None, typer.Argument(help="As `list` shows them, or the beginning of an id.", metavar="ID")]
Patience = Annotated[float, typer.Option(help="Seconds to wait for Kafka.", min=0.1)]
LETTER_COLUMNS = (
    Column("id"),
    Column("state"),
    Column("since"),
    Column("where from"),
    Column("reason"),
    Column("message", prose=True),
)
HINT = "`lifelong dead-letters list` shows them"


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    letters = typer.Typer(help="What could not be used: list, show, replay, dismiss.", no_args_is_help=True)
    letters.command("list")(list_letters)
    letters.command("show")(show)
    letters.command("replay")(replay)
    letters.command("dismiss")(dismiss)
    app.add_typer(letters, name="dead-letters")


def read_letters(cluster: Cluster) -> list[DeadLetter]:
    """All dead letters, oldest first, each once, with what was done about it."""
    reader = KafkaTableReader(cluster, (DEAD_LETTERS,))
    try:
        return folded(readable(reader.catch_up(), now=wall_clock()))
    finally:
        reader.close()


def list_letters(
    reason: Reason = "",
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 50,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that nothing was done about.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest last, and how many there are of each reason."""
    found = [
        letter
        for letter in read_letters(reach_kafka(load_settings(), DEAD_LETTERS))
        if reason in ("", letter.reason) and (letter.state == "open" or not only_open)
    ]
    if as_json:
        put_json([_named(letter) for letter in found[-limit:]])
        return
    console = Console(highlight=False)
    console.print(
        listing(console, LETTER_COLUMNS, [_row(each) for each in found[-limit:]]) if found else "No dead letters."
    )
    for counts in (Counter(letter.reason for letter in found), Counter(letter.state for letter in found)):
        if counts:
            console.print(", ".join(f"{count} {name}" for name, count in counts.most_common()))


def show(
    dead_letter_id: Annotated[str, typer.Argument(help="As `list` shows it, or its beginning.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with everything that it came with."""
    [letter] = _chosen(read_letters(reach_kafka(load_settings(), DEAD_LETTERS)), [dead_letter_id])
    if as_json:
        put_json(_named(letter) | {"key": _text(letter.key), "value": _text(letter.value)})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{escape(_where(letter))}: {letter.reason}: {escape(letter.message)}")
    console.print(f"id: {letter.dead_letter_id}, {letter.state}")
    console.print(f"key: {letter.key!r}", markup=False)
    for name, value in letter.headers:
        console.print(f"header {name}: {value!r}", markup=False)
    console.print(f"value: {letter.value!r}", markup=False)


def replay(
    ids: Ids = None,
    reason: Reason = "",
    again: Annotated[bool, typer.Option(help="Those too that were replayed or dismissed before.")] = False,
    timeout: Patience = 30.0,
) -> None:
    """Send dead letters to where they came from once more, with their own key and value; none named: all open ones.

    What was sent is marked, and is not sent again without --again.
    """
    settings = load_settings()
    chosen = _matching(settings, ids, reason, again=again, what="replay")
    whole = [letter for letter in chosen if not letter.truncated]
    if not whole:
        raise NothingDone(f"{len(chosen)} dead letters hold a part of their record alone: send the originals again")
    publisher = make_publisher(settings)
    # 1 they are in the log again 2 they are marked: cut between the two they may be sent twice, never lost.
    for letter in whole:
        publisher.send(letter.topic, letter.key, letter.value)
    publisher.flush(within=timeout)
    _mark(publisher, whole, "replayed", timeout)
    Console().print(f"Sent {len(whole)} back to where they came from.")
    if len(whole) < len(chosen):
        Console().print(f"{len(chosen) - len(whole)} hold a part of their record alone, and were left.")


def dismiss(
    ids: Ids = None,
    reason: Reason = "",
    everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    timeout: Patience = 30.0,
) -> None:
    """Mark dead letters as done with: they are not replayed any more, and stay in the log."""
    if not (ids or reason or everything):
        raise typer.BadParameter("name dead letters, or --reason CODE, or --all")
    settings = load_settings()
    chosen = _matching(settings, ids, reason, again=False, what="dismiss")
    _mark(make_publisher(settings), chosen, "dismissed", timeout)
    Console().print(f"Dismissed {len(chosen)}.")


def _matching(settings: Settings, ids: list[str] | None, reason: str, *, again: bool, what: str) -> list[DeadLetter]:
    letters = read_letters(reach_kafka(settings, DEAD_LETTERS))
    named = [letter for letter in _chosen(letters, ids or []) if reason in ("", letter.reason)]
    matching = [letter for letter in named if again or letter.state == "open"]
    if not matching:
        done = Counter(letter.state for letter in named)
        said = ", ".join(f"{count} {state}" for state, count in done.items())
        more = f": {said} already" + ("; --again replays them" if what == "replay" else "") if said else ""
        raise NothingDone(f"there is no dead letter to {what}{more}")
    return matching


def _chosen(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    """Those that are named by their ids or by beginnings of them; all, where none is."""
    if not ids:
        return list(letters)
    by_id = {letter.dead_letter_id: letter for letter in letters}
    wanted = dict.fromkeys(one_of(each, list(by_id), what="dead letter", hint=HINT) for each in ids)
    return [by_id[each] for each in wanted]


def _mark(publisher: KafkaPublisher, letters: Sequence[DeadLetter], state: Handled, timeout: float) -> None:
    for letter in letters:
        publisher.send(DEAD_LETTERS, letter.dead_letter_id, encode(mark_of(letter, state, now=wall_clock())))
    publisher.flush(within=timeout)


def _row(letter: DeadLetter) -> tuple[str, ...]:
    message = escape(letter.message)
    return letter.dead_letter_id, letter.state, _since(letter), escape(_where(letter)), letter.reason, message


def _since(letter: DeadLetter) -> str:
    """The letter's date and time; as a number where no calendar has it."""
    try:
        return datetime.fromtimestamp(letter.wall_time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{letter.wall_time:g}"


def _where(letter: DeadLetter) -> str:
    return f"{letter.topic}-{letter.partition}@{letter.offset}"


def _named(letter: DeadLetter) -> dict[str, object]:
    """A letter for programs, without what it came with, which may be large and no text."""
    names = ("dead_letter_id", "state", "topic", "partition", "offset", "reason", "message", "wall_time")
    return {name: getattr(letter, name) for name in names}


def _text(value: bytes | None) -> object:
    """Bytes as text where they are, else in base64 under that name."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": msgspec.to_builtins(value)}
