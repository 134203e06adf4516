"""`lifelong chat` against a gateway that listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app


class _Gateway(BaseHTTPRequestHandler):
    """Answers as the gateway does: recommends first, and is done once an earlier conversation comes back."""

    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        act = "done" if body["conversation_id"] else "recommend"
        answer = json.dumps({"conversation_id": "c1", "text": f"[{act}] “Up”", "act": act}).encode()
        self.send_response(200 if body["text"] != "refuse" else 422)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    _Gateway.asked = []
    server = HTTPServer(("127.0.0.1", 0), _Gateway)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("LIFELONG_GATEWAY__PORT", str(server.server_port))
    yield _Gateway.asked
    server.shutdown()
    server.server_close()


def test_what_is_piped_is_one_conversation_and_ends_when_an_item_is_accepted(
    asked: list[tuple[str, dict[str, Any]]],
) -> None:
    result = CliRunner().invoke(make_app(), ["chat", "--user", "a/b"], input="a comedy\n\nyes\nnever said\n")
    assert result.exit_code == 0, result.output
    assert "[recommend] “Up”" in result.output
    assert [body["text"] for _, body in asked] == ["a comedy", "yes"]
    assert [body["conversation_id"] for _, body in asked] == ["", "c1"]
    assert asked[0][0] == "/v1/users/a%2Fb/chat"


def test_one_text_is_answered_once_and_as_json_on_request(asked: list[tuple[str, dict[str, Any]]]) -> None:
    result = CliRunner().invoke(make_app(), ["chat", "--user", "ann", "--once", "hello", "--json"])
    assert json.loads(result.stdout)["act"] == "recommend"
    assert len(asked) == 1


def test_a_refusal_and_a_gateway_that_is_away_end_the_command(
    asked: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CliRunner().invoke(make_app(), ["chat", "--user", "ann", "--once", "refuse"]).exit_code == 1
    monkeypatch.setenv("LIFELONG_GATEWAY__PORT", "1")
    assert CliRunner().invoke(make_app(), ["chat", "--user", "ann", "--once", "hello"]).exit_code == 1
