"""``lifelong user``: what a user says, and what was understood."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from deploy.cli.look import list_table, read_titles
from deploy.cli.servers import reach_kafka
from deploy.cli.shown import AsJson, NothingDone, put_json
from deploy.cli.terminal import Console
from deploy.clients import make_publisher, wall_clock
from deploy.settings import load_settings
from deploy.topic_subscriber import TopicSubscriber
from schemas.codec import decode, encode
from schemas.errors import DecodeError
from schemas.ids import EventId, UserId
from schemas.instructions import Say
from schemas.recommendations import Recommendation
from schemas.topics import INSTRUCTIONS, ITEMS, RECOMMENDATIONS
from streams.log.kafka_client import Cluster
from streams.log.records import Inbound


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    user = typer.Typer(help="Steer a user's lists in words.", no_args_is_help=True)
    user.command("steer")(steer)
    app.add_typer(user, name="user")


def steer(
    user: Annotated[str, typer.Argument(help="Id of the user.")],
    text: Annotated[str, typer.Argument(help="What the user says, such as 'no horror until Sunday'.")],
    time_zone: Annotated[str, typer.Option(help="Where the user's days begin, such as Europe/Berlin.")] = "UTC",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the list that answers.", min=0.1)] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Say something for a user; show what was understood, and the list that obeys it.

    Understood are English and German: more, less, no, pin, allow and undo, with a category or a title, and until when.
    """
    settings, now = load_settings(), wall_clock()
    said = Say(event_id=EventId(uuid4().hex), user_id=UserId(user), event_time=now, text=text, time_zone=time_zone)
    value = encode(said)
    try:
        decode(INSTRUCTIONS, value, now=now)
    except DecodeError as exc:
        raise typer.BadParameter(str(exc)) from exc
    cluster = reach_kafka(settings, INSTRUCTIONS, RECOMMENDATIONS, ITEMS)
    answer = _Answer(cluster, said.event_id)
    answer.start()
    try:
        publisher = make_publisher(settings)
        publisher.send(INSTRUCTIONS, user, value)
        publisher.flush(within=timeout)
        answer.wait_for({said.event_id}, seconds=timeout)
    finally:
        answer.stop()
    if answer.found is None:
        raise NothingDone(f"no list answered within {timeout:g} s; `lifelong status` shows whether the worker runs")
    _show(answer.found, said, cluster, as_json=as_json)


def _show(recommendation: Recommendation, said: Say, cluster: Cluster, *, as_json: bool) -> None:
    if as_json:
        put_json(recommendation)
        return
    console = Console(highlight=False)
    for reply in recommendation.replies:
        if reply.event_id == said.event_id:
            console.print(escape(reply.text))
    console.print(list_table(console, recommendation, read_titles(cluster)))


class _Answer(TopicSubscriber):
    """Keeps the list that answers one event."""

    def __init__(self, cluster: Cluster, event_id: str) -> None:
        super().__init__(cluster, (RECOMMENDATIONS,), batch=50)
        self.found: Recommendation | None = None
        self._event_id = event_id

    def take(self, record: Inbound) -> None:
        """See `TopicSubscriber`."""
        if not record.value or self._event_id.encode() not in record.value:
            return
        recommendation: Recommendation = decode(RECOMMENDATIONS, record.value, now=wall_clock())
        if self._event_id in recommendation.trigger_event_ids:
            self.found = recommendation
            self.answered.add(self._event_id)
