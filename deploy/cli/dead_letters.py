"""``lifelong dead-letters``: list records that could not be used, and replay or dismiss them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, Column, NothingDone, complete_id, listing, put_json, utc
from deploy.cli.terminal import Console
from deploy.clients import make_publisher, wall_clock
from deploy.letters import folded, mark_of, readable
from deploy.settings import Settings, load_settings
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, Handled
from schemas.topics import DEAD_LETTERS
from streams.log.kafka_client import Cluster, KafkaPublisher, KafkaTableReader

Reason = Annotated[str, typer.Option(help="Only dead letters with this reason code.")]
Ids = Annotated[
    list[str] | None, typer.Argument(help="Ids as `list` shows them, or their first characters.", metavar="ID")
]
Patience = Annotated[float, typer.Option(help="Seconds to wait for Kafka.", min=0.1)]
LETTER_COLUMNS = (
    Column("id"),
    Column("state"),
    Column("since"),
    Column("source"),
    Column("reason"),
    Column("message", prose=True),
)
HINT = "`lifelong dead-letters list` shows them"


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    letters = typer.Typer(help="Records that could not be used: list, show, replay, dismiss.", no_args_is_help=True)
    letters.command("list")(list_letters)
    letters.command("show")(show)
    letters.command("replay")(replay)
    letters.command("dismiss")(dismiss)
    app.add_typer(letters, name="dead-letters")


def read_letters(cluster: Cluster) -> list[DeadLetter]:
    """Return all dead letters, oldest first, each once, with its current state."""
    reader = KafkaTableReader(cluster, (DEAD_LETTERS,))
    try:
        return folded(readable(reader.catch_up(), now=wall_clock()))
    finally:
        reader.close()


def list_letters(
    reason: Reason = "",
    limit: Annotated[int, typer.Option(help="How many of the newest to show.", min=1)] = 50,
    only_open: Annotated[bool, typer.Option("--open", help="Only those neither replayed nor dismissed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest last, with counts by reason and by state."""
    letters = [
        letter
        for letter in read_letters(reach_kafka(load_settings(), DEAD_LETTERS))
        if reason in ("", letter.reason) and (letter.state == "open" or not only_open)
    ]
    if as_json:
        put_json([_named(letter) for letter in letters[-limit:]])
        return
    console = Console(highlight=False)
    console.print(
        listing(console, LETTER_COLUMNS, [_row(letter) for letter in letters[-limit:]])
        if letters
        else "No dead letters."
    )
    for counts in (Counter(letter.reason for letter in letters), Counter(letter.state for letter in letters)):
        if counts:
            console.print(", ".join(f"{count} {name}" for name, count in counts.most_common()))


def show(
    dead_letter_id: Annotated[str, typer.Argument(help="Id as `list` shows it, or its first characters.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with the key, headers and value of its record."""
    [letter] = _chosen(read_letters(reach_kafka(load_settings(), DEAD_LETTERS)), [dead_letter_id])
    if as_json:
        put_json(_named(letter) | {"key": _text(letter.key), "value": _text(letter.value)})
        return
    show_letter(Console(highlight=False, soft_wrap=True), letter)


def show_letter(console: Console, letter: DeadLetter) -> None:
    """Print one dead letter with the key, headers and value of its record."""
    console.print(f"{_where(letter)}: {letter.reason}: {letter.message}", markup=False)
    console.print(f"id: {letter.dead_letter_id}, {letter.state}", markup=False)
    console.print(f"key: {letter.key!r}", markup=False)
    for name, value in letter.headers:
        console.print(f"header {name}: {value!r}", markup=False)
    console.print(f"value: {letter.value!r}", markup=False)


def replay(
    ids: Ids = None,
    reason: Reason = "",
    again: Annotated[bool, typer.Option(help="Include those that were replayed or dismissed before.")] = False,
    timeout: Patience = 30.0,
) -> None:
    """Send dead letters back to their topics with their own key and value; without ids, all open ones.

    Replayed letters are marked, and are not sent again without --again.
    """
    settings = load_settings()
    chosen = _matching(settings, ids, reason, again=again, what="replay")
    complete = [letter for letter in chosen if not letter.truncated]
    if not complete:
        raise NothingDone(f"{len(chosen)} dead letters hold only part of their record: send the originals again")
    publisher = make_publisher(settings)
    # 1 send the records 2 mark the letters: a crash in between may send them twice, but loses none.
    for letter in complete:
        publisher.send(letter.topic, letter.key, letter.value)
    publisher.flush(within=timeout)
    _mark(publisher, complete, "replayed", timeout)
    Console().print(f"Sent {len(complete)} back to their topics.")
    if len(complete) < len(chosen):
        Console().print(f"{len(chosen) - len(complete)} hold only part of their record, and were left.")


def dismiss(
    ids: Ids = None,
    reason: Reason = "",
    everything: Annotated[bool, typer.Option("--all", help="All open ones.")] = False,
    timeout: Patience = 30.0,
) -> None:
    """Mark dead letters as dismissed: they are no longer replayed, and stay in the log."""
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
        states = ", ".join(f"{count} {state}" for state, count in done.items())
        more = f": {states} already" + ("; --again replays them" if what == "replay" else "") if states else ""
        raise NothingDone(f"there is no dead letter to {what}{more}")
    return matching


def _chosen(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    """Return the letters named by ids or unique prefixes of ids; without any, all letters."""
    if not ids:
        return list(letters)
    by_id = {letter.dead_letter_id: letter for letter in letters}
    chosen_ids = dict.fromkeys(complete_id(prefix, list(by_id), what="dead letter", hint=HINT) for prefix in ids)
    return [by_id[letter_id] for letter_id in chosen_ids]


def _mark(publisher: KafkaPublisher, letters: Sequence[DeadLetter], state: Handled, timeout: float) -> None:
    for letter in letters:
        publisher.send(DEAD_LETTERS, letter.dead_letter_id, encode(mark_of(letter, state, now=wall_clock())))
    publisher.flush(within=timeout)


def _row(letter: DeadLetter) -> tuple[str, ...]:
    letter_id, where, message = map(escape, (letter.dead_letter_id, _where(letter), letter.message))
    return letter_id, letter.state, utc(letter.wall_time), where, letter.reason, message


def _where(letter: DeadLetter) -> str:
    return f"{letter.topic}-{letter.partition}@{letter.offset}"


def _named(letter: DeadLetter) -> dict[str, object]:
    """Return a letter's fields for JSON, without its key and value, which may be large and not text."""
    names = ("dead_letter_id", "state", "topic", "partition", "offset", "reason", "message", "wall_time")
    return {name: getattr(letter, name) for name in names}


def _text(value: bytes | None) -> object:
    """Return bytes as text where they are UTF-8, else as `{"base64": …}`."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": msgspec.to_builtins(value)}
