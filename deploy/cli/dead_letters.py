"""``lifelong dead-letters``: what could not be used, why, and back into the log once it can be."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.clients import make_cluster, make_publisher, wall_clock
from deploy.settings import load_settings
from schemas.codec import decode
from schemas.dead_letters import DeadLetter
from schemas.topics import DEAD_LETTERS
from streams.kafka_client import Cluster, KafkaTableReader

Reason = Annotated[str, typer.Option(help="Only those with this reason code.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    letters = typer.Typer(help="What could not be used: list, show, replay.", no_args_is_help=True)
    letters.command("list")(list_letters)
    letters.command("show")(show)
    letters.command("replay")(replay)
    app.add_typer(letters, name="dead-letters")


def read_letters(cluster: Cluster) -> list[DeadLetter]:
    """All dead letters, oldest first, each once: a crash may have published one again under the same id."""
    reader = KafkaTableReader(cluster, (DEAD_LETTERS,))
    try:
        letters = [decode(DEAD_LETTERS, record.value, now=wall_clock()) for record in reader.catch_up()]
    finally:
        reader.close()
    return list({letter.dead_letter_id: letter for letter in letters}.values())


def list_letters(reason: Reason = "", limit: Annotated[int, typer.Option(help="The newest so many.")] = 50) -> None:
    """List dead letters, the newest last, and how many there are of each reason."""
    letters = [found for found in read_letters(make_cluster(load_settings())) if reason in ("", found.reason)]
    console = Console()
    table = Table("id", "where from", "reason", "message", box=None, header_style="bold")
    for letter in letters[-limit:]:
        where = f"{letter.topic}-{letter.partition}@{letter.offset}"
        table.add_row(letter.dead_letter_id, where, letter.reason, escape(letter.message[:80]))
    console.print(table if letters else "No dead letters.")
    counts = Counter(letter.reason for letter in letters)
    if counts:
        console.print(", ".join(f"{count} {name}" for name, count in counts.most_common()))


def show(dead_letter_id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Show one dead letter with everything that it came with."""
    letter = _find(dead_letter_id)
    console = Console()
    console.print(f"{letter.topic}-{letter.partition}@{letter.offset}: {letter.reason}: {escape(letter.message)}")
    console.print(f"key: {letter.key!r}", markup=False)
    for name, value in letter.headers:
        console.print(f"header {name}: {value!r}", markup=False)
    console.print(f"value: {letter.value!r}", markup=False)


def replay(
    dead_letter_id: Annotated[str, typer.Argument(help="One of them; none for all that match.")] = "",
    reason: Reason = "",
) -> None:
    """Send dead letters to where they came from once more, with their own key and value."""
    settings = load_settings()
    letters = [_find(dead_letter_id)] if dead_letter_id else read_letters(make_cluster(settings))
    publisher = make_publisher(settings)
    sent = 0
    for letter in letters:
        if reason in ("", letter.reason):
            key = letter.key.decode(errors="replace") if letter.key is not None else None
            publisher.send(letter.topic, key, letter.value)
            sent += 1
    publisher.flush()
    Console().print(f"Sent {sent} back to where they came from.")


def _find(dead_letter_id: str) -> DeadLetter:
    for letter in read_letters(make_cluster(load_settings())):
        if letter.dead_letter_id == dead_letter_id:
            return letter
    raise typer.BadParameter(f"there is no dead letter {dead_letter_id!r}; `lifelong dead-letters list` shows them")
