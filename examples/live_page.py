"""A page that shows a user's list live: FastAPI follows `recommendations` and pushes each list as a server-sent event.

python -m examples.live_page --login .lifelong/application.toml --port 8010
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import typer
import uvicorn
from confluent_kafka import Consumer
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from examples.connection import LOGIN, connection
from examples.produce_and_consume import produce

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Live recommendations</title></head>
<body>
<h1>For <span id="user"></span></h1>
<ol id="list"></ol>
<p>Click an item: the list that answers the click appears by itself.</p>
<script>
const user = new URLSearchParams(location.search).get("user") || "ann";
document.getElementById("user").textContent = user;
new EventSource(`/lists/${encodeURIComponent(user)}`).onmessage = (message) => {
  const items = JSON.parse(message.data).slates[0].items;
  document.getElementById("list").replaceChildren(...items.map(({ item_id, reason = "" }) => {
    const line = document.createElement("li");
    line.textContent = `${item_id}: ${reason}`;
    const click = `/clicks/${encodeURIComponent(user)}?item=${encodeURIComponent(item_id)}`;
    line.onclick = () => fetch(click, { method: "POST" });
    return line;
  }));
};
</script>
</body>
</html>
"""
DEFAULT_USER = "@default"
"""The key of the list for unknown users."""


class NewestLists:
    """The newest list of each user; `changed` is set and replaced whenever one arrives."""

    def __init__(self) -> None:
        self._lists: dict[str, dict[str, Any]] = {}
        self._changed: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def put(self, user: str, made: dict[str, Any] | None) -> None:
        """Keep a list, or none of a user who was erased, and wake whoever waits. Call it in the event loop."""
        if made is None:
            self._lists.pop(user, None)
            return
        self._lists[user] = made
        self._changed.pop(user, asyncio.Event()).set()

    async def follow(self, user: str) -> AsyncIterator[dict[str, Any]]:
        """The user's newest list, or the non-personalised one until there is any; then each that follows."""
        made = self._lists.get(user, self._lists.get(DEFAULT_USER))
        while True:
            if made is not None:
                yield made
            await self._changed[user].wait()
            made = self._lists.get(user)


def create_app(login: dict[str, Any], prefix: str = "") -> FastAPI:
    """The page, its stream of lists, and the clicks that it sends; a thread follows the topic while the app runs."""
    lists = NewestLists()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stopped = threading.Event()
        arguments = (login, prefix, lists, asyncio.get_running_loop(), stopped)
        follower = threading.Thread(target=follow_topic, args=arguments, name="follower", daemon=True)
        follower.start()
        yield
        stopped.set()
        await asyncio.to_thread(follower.join)

    app = FastAPI(lifespan=lifespan)

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        """The page; the query parameter `user` says whose list it shows."""
        return PAGE

    @app.get("/lists/{user}", response_class=EventSourceResponse)
    async def stream(user: str) -> AsyncIterator[ServerSentEvent]:
        """The user's lists, each as an event with the list's version for an id."""
        async for made in lists.follow(user):
            yield ServerSentEvent(data=made, id=str(made["version"]))

    @app.post("/clicks/{user}", status_code=202)
    def click(user: str, item: str) -> dict[str, str]:
        """Produce a click of the user on an item."""
        return {"event_id": produce(login, f"{prefix}interactions", user, item)}

    return app


def follow_topic(
    login: dict[str, Any], prefix: str, lists: NewestLists, loop: asyncio.AbstractEventLoop, stopped: threading.Event
) -> None:
    """Read the topic from its beginning until told to stop; a group of its own sees every user's list."""
    group = f"{prefix}application-live-page-{uuid4().hex}"
    consumer = Consumer(login | {"group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([f"{prefix}recommendations"])
    while not stopped.is_set():
        for record in consumer.consume(500, timeout=0.2):
            if not record.error() and (key := record.key()):
                value = record.value()
                loop.call_soon_threadsafe(lists.put, key.decode(), json.loads(value) if value else None)
    consumer.close()


def main(login: Path = LOGIN, prefix: str = "", port: int = 8010) -> None:
    """Serve the page on the loopback interface; open http://127.0.0.1:8010/?user=ann."""
    uvicorn.run(create_app(connection(login), prefix), host="127.0.0.1", port=port)


if __name__ == "__main__":
    typer.run(main)
