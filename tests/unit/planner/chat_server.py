"""A real server on loopback that speaks OpenAI's interface for chats, and answers as a script says: well or badly."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Script = Callable[["Asked"], None]


@dataclass
class Asked:
    """A request, and ways to answer it."""

    body: dict[str, Any]
    number: int
    handler: BaseHTTPRequestHandler
    stop: Event

    @property
    def data(self) -> dict[str, Any]:
        """The document that the first message of the user holds."""
        content = next(message["content"] for message in self.body["messages"] if message["role"] == "user")
        document: dict[str, Any] = json.loads(content.splitlines()[1])
        return document

    @property
    def wants_plan(self) -> bool:
        return "response_format" in self.body

    def say(self, text: object, *, usage: object = None, **message: Any) -> None:
        content = text if isinstance(text, str) else json.dumps(text)
        answer = {"choices": [{"message": {"role": "assistant", "content": content, **message}}]}
        usage = {"prompt_tokens": 100, "completion_tokens": 20} if usage is None else usage
        self.send(200, json.dumps(answer | {"usage": usage}).encode())

    def send(self, status: int, content: bytes, *, length: int | None = None) -> None:
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", "application/json")
        self.handler.send_header("Content-Length", str(len(content) if length is None else length))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def cut(self) -> None:
        """Reset the connection in the middle of an answer."""
        self.send(200, b'{"choices": [', length=1_000)
        self.handler.wfile.flush()
        self.handler.connection.shutdown(socket.SHUT_RDWR)


@dataclass
class ChatServer:
    """The server: its address, and what it was asked."""

    server: ThreadingHTTPServer
    stop: Event
    asked: list[Asked] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def kill(self) -> None:
        """End at once: requests in progress are cut, further ones are refused."""
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def chat_server(script: Script) -> Iterator[ChatServer]:
    """Serve answers by a script, each request in a thread of its own."""
    chat: ChatServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            chat.connections.append(self.connection)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = Asked(body, len(chat.asked), self, chat.stop)
            chat.asked.append(asked)
            try:
                script(asked)
            except OSError:
                self.close_connection = True

        def finish(self) -> None:
            with suppress(OSError, ValueError):  # The script has closed the connection.
                super().finish()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    chat = ChatServer(server, Event())
    thread = Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield chat
    finally:
        if not chat.stop.is_set():
            chat.kill()
        thread.join(10)


def well(asked: Asked) -> None:
    """Weigh the last of the memories most."""
    handles = [memory["memory"] for memory in asked.data["memories"]]
    weights = [{"memory": handle, "weight": 1.0 / (1 + place)} for place, handle in enumerate(reversed(handles[:8]))]
    asked.say({"goal": "Follow what was liked least of late", "steps": [], "weights": weights})
