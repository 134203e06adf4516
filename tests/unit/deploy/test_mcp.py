"""Tools by the Model Context Protocol, with its own client, before a gateway that listens."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx2
import jsonschema
import jwt
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

from agents.actions.service import NobodyThere
from deploy.agent_tools.mcp_server import make_mcp_server
from deploy.agent_tools.wiring import ToolboxOpener, issued_tokens, make_client
from deploy.embedded.choices import is_free
from deploy.monitoring.targets import free_port
from deploy.monitoring.tool_metrics import ToolMetrics
from deploy.settings import Settings
from schemas.errors import ToolRefused
from schemas.ids import UserId
from tests.unit.deploy.gateway_fixtures import KEY, eventually
from tests.unit.deploy.served_gateway import Served
from tests.unit.deploy.tool_fixtures import gateway_of_ann, settings_of

Mode = Literal["auto", "legacy"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gateway_of_ann(tmp_path_factory.mktemp("keys")) as started:
        yield started


def with_agent(
    gateway: Served,
    work: Callable[[mcp.Client], Awaitable[Any]],
    *,
    user: str = "ann",
    scopes: tuple[Any, ...] = ("lists", "memories"),
    mode: Mode = "auto",
    allowed: tuple[str, ...] = (),
    **client_options: Any,
) -> Any:
    """Run an agent's work with a client of a server that acts for one user."""

    async def run() -> Any:
        settings = settings_of(gateway)
        async with make_client(settings) as http:
            own = issued_tokens(settings, http, UserId(user), scopes).token
            opener = ToolboxOpener(http, ToolMetrics(), allowed=allowed, own=own)
            server = make_mcp_server(opener, version="1")
            async with mcp.Client(server, mode=mode, **client_options) as agent:
                return await work(agent)

    return asyncio.run(run())


async def call(agent: mcp.Client, name: str, **arguments: Any) -> Any:
    return await agent.call_tool(name, arguments)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_finds_tools_and_reads_what_is_known(gateway: Served, mode: Mode) -> None:
    async def work(agent: mcp.Client) -> None:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert {"recall_memories", "history", "item_facts", "recommend", "abstain"} <= set(tools)
        had = await call(agent, "history")
        jsonschema.validate(had.structured_content, tools["history"].output_schema or {})
        assert [(item["item_id"], item["title"]) for item in had.structured_content["items"]] == [
            ("war-1", "Red desert"),
            ("war-0", "Red planet"),
        ]
        known = await call(agent, "recall_memories")
        assert {"you want no drama", "you like war"} <= {fact["text"] for fact in known.structured_content["memories"]}
        assert json.loads(known.content[0].text) == known.structured_content

    with_agent(gateway, work, mode=mode)


def test_only_what_is_available_and_allowed_is_recommended(gateway: Served) -> None:
    async def work(agent: mcp.Client) -> list[Any]:
        asked = [await call(agent, "recommend", item_id=item) for item in ("war-0", "i/3", "over", "nowhere")]
        facts = await call(agent, "item_facts", item_id="i/3")
        assert (facts.structured_content["title"], facts.structured_content["facts"]) == ("Red drama", {})
        alike = await call(agent, "similar_items", item_id="war-0")
        assert [item["item_id"] for item in alike.structured_content["items"]] == ["war-1"]
        shown = await call(agent, "availability", item_id="over")
        assert shown.structured_content["available"] is False
        return asked

    fine, banned, over, unknown = with_agent(gateway, work)
    assert fine.structured_content["accepted"]
    assert banned.structured_content["refused_for"] == ["banned-category"]
    assert over.structured_content["refused_for"] == ["not-available"]
    assert (unknown.is_error, unknown.content[0].text.split(":")[0]) == (True, "not-found")


def test_an_agent_searches_by_words_and_is_told_that_pictures_are_not_perceived(gateway: Served) -> None:
    async def work(agent: mcp.Client) -> list[Any]:
        picture = "data:image/png;base64,iVBORw0KGgo="
        asked = [("search_items", {"words": "red"}), ("trending_items", {}), ("search_by_photo", {"photo": picture})]
        return [await agent.call_tool(name, arguments) for name, arguments in asked]

    words, trending, picture = with_agent(gateway, work)
    found = {item["item_id"]: item for item in words.structured_content["items"]}
    assert set(found) == {"war-0", "war-1"}, "red drama is banned, and blue is over"
    assert found["war-0"] == {"item_id": "war-0", "title": "Red planet", "categories": ["war"]}
    assert not trending.is_error
    assert (picture.is_error, picture.content[0].text.split(":")[0]) == (True, "not-enabled")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_user_is_asked_through_the_agents_client(gateway: Served, mode: Mode) -> None:
    seen: list[str] = []

    async def answer(context: Any, params: Any) -> ElicitResult:
        seen.append(params.message)
        assert params.requested_schema["properties"]["answer"]["enum"] == ["Red", "Blue"]
        return ElicitResult(action="accept", content={"answer": "Blue"})

    async def work(agent: mcp.Client) -> Any:
        return await call(agent, "ask_user", question="Which colour?", choices=["Red", "Blue"])

    answered = with_agent(gateway, work, mode=mode, elicitation_callback=answer)
    assert (answered.structured_content, seen) == ({"status": "answered", "text": "Blue"}, ["Which colour?"])
    alone = with_agent(gateway, work, mode=mode)
    assert alone.structured_content["status"] == "unreachable"


def test_an_agent_has_the_permissions_of_its_users_token(gateway: Served) -> None:
    async def names(agent: mcp.Client) -> set[str]:
        return {tool.name for tool in (await agent.list_tools()).tools}

    assert {"recall_memories", "history"} & with_agent(gateway, names, scopes=("lists",)) == set()
    assert with_agent(gateway, names, scopes=("memories",)) == {"recall_memories", "history", "abstain"}
    assert with_agent(gateway, names, allowed=("history",)) == {"history"}

    async def overreach(agent: mcp.Client) -> Any:
        return await call(agent, "history")

    assert with_agent(gateway, overreach, scopes=("lists",)).content[0].text.startswith("unknown-tool")
    nobody = with_agent(gateway, overreach, user="bob")
    assert nobody.structured_content["items"] == []


def test_a_token_that_is_forged_reaches_nothing(gateway: Served) -> None:
    forged = jwt.encode({"sub": "ann", "scope": "lists memories"}, "x" * 32, "HS256")

    async def work() -> None:
        async with make_client(settings_of(gateway)) as http:
            opener = ToolboxOpener(http, ToolMetrics(), allowed=())
            toolbox = await opener(forged, NobodyThere())
            with pytest.raises(ToolRefused, match="401") as caught:
                await toolbox.call("history", {})
            assert caught.value.fault == "forbidden"
            for none in ("", "x.y.z", "not a token"):
                with pytest.raises(ToolRefused, match="POST /v1/tokens"):
                    await opener(none, NobodyThere())

    asyncio.run(work())


def test_a_gateway_that_is_away_is_said_to_be(gateway: Served) -> None:
    async def work() -> None:
        away = Settings.model_validate({"gateway": {"api_keys": [KEY]}, "tools": {"gateway_url": "http://127.0.0.1:1"}})
        async with make_client(away) as http:
            with pytest.raises(ToolRefused, match="does not answer"):
                await issued_tokens(away, http, UserId("ann")).token()

    asyncio.run(work())


def command(gateway: Served, folder: Path, *words: str, **more: str) -> tuple[list[str], dict[str, str]]:
    """Return a command line of Lifelong in an empty folder, and its environment."""
    environment = {
        "LIFELONG_DATA_DIR": str(folder),
        "LIFELONG_TOOLS__GATEWAY_URL": f"http://127.0.0.1:{gateway.port}",
        "PYTHONPATH": str(Path.cwd()),
        **more,
    }
    return [sys.executable, "-m", "deploy.cli", "mcp", *words], environment


def test_the_command_serves_an_agent_on_standard_input_and_output(gateway: Served, tmp_path: Path) -> None:
    (program, *words), environment = command(
        gateway, tmp_path, "--user", "ann", "--scopes", "memories", LIFELONG_GATEWAY__API_KEYS=json.dumps([KEY])
    )
    server = mcp.StdioServerParameters(command=program, args=words, env=environment, cwd=tmp_path)

    async def work() -> Any:
        async with mcp.Client(mcp.stdio_client(server)) as agent:
            assert {tool.name for tool in (await agent.list_tools()).tools} == {"recall_memories", "history", "abstain"}
            return await call(agent, "history", n=1)

    assert [item["item_id"] for item in asyncio.run(work()).structured_content["items"]] == ["war-1"]


def test_over_http_each_request_brings_the_token_of_its_user(gateway: Served, tmp_path: Path) -> None:
    port = free_port()
    line, environment = command(gateway, tmp_path, "--http-port", str(port))
    settings = settings_of(gateway)

    async def history_of(user: str, url: str) -> Any:
        async with make_client(settings) as http:
            token = await issued_tokens(settings, http, UserId(user)).token()
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as own,
            mcp.Client(streamable_http_client(url, http_client=own)) as agent,
        ):
            return (await call(agent, "history")).structured_content["items"]

    async def without_token(url: str) -> str:
        async with mcp.Client(url) as agent:
            with pytest.raises(mcp.MCPError) as caught:
                await agent.list_tools()
            return str(caught.value)

    with subprocess.Popen(line, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: not is_free(port))
            url = f"http://127.0.0.1:{port}/mcp"
            assert [len(asyncio.run(history_of(user, url))) for user in ("ann", "bob")] == [2, 0]
            assert "POST /v1/tokens" in asyncio.run(without_token(url))
        finally:
            process.terminate()
