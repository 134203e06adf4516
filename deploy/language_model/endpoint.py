"""A language model behind an endpoint with OpenAI's interface for chats (`/chat/completions`), such as vLLM, llama.cpp,
Ollama or a provider's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from agents.actions.tool import Tool, object_schema
from agents.llm.ports import ChatMessage, Completion, ToolRequest
from schemas.errors import LanguageModelFailed

MAX_ANSWER_BYTES = 200_000
"""A longer answer is not read to its end."""
_NOT_OURS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT)


class _Function(Struct):
    name: str
    arguments: str = ""


class _Call(Struct):
    function: _Function
    id: str = ""


class _Message(Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_decoder = msgspec.json.Decoder(_Answer)


class ChatEndpoint:
    """An `agents.llm.ports.LanguageModel` over HTTP. `client` has the address, the key and the time limit."""

    def __init__(self, client: httpx.AsyncClient, model: str, *, temperature: float = 0.0) -> None:
        self._client = client
        self._model = model
        self._temperature = temperature

    @property
    def name(self) -> str:
        """See `agents.llm.ports.LanguageModel`."""
        return self._model

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        tools: Sequence[Tool] = (),
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        """See `agents.llm.ports.LanguageModel`."""
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [_written(message) for message in messages],
            "max_tokens": max_tokens,
            "temperature": self._temperature,
        }
        if tools:
            body["tools"] = [_described(row) for row in tools]
        if schema is not None:
            form = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return _read(await self._post(body))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, body: dict[str, Any]) -> bytes:
        try:
            async with self._client.stream("POST", "chat/completions", content=msgspec.json.encode(body)) as answer:
                content = await _whole(answer)
        except httpx.TimeoutException as exc:
            raise LanguageModelFailed("slow", f"{type(exc).__name__}: the endpoint did not answer in time") from exc
        except (httpx.ConnectError, httpx.UnsupportedProtocol) as exc:
            raise LanguageModelFailed("away", f"the endpoint cannot be reached: {exc}") from exc
        except httpx.HTTPError as exc:
            raise LanguageModelFailed("cut", f"the answer broke off: {type(exc).__name__}: {exc}") from exc
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code in _NOT_OURS:
            raise LanguageModelFailed("away", f"the endpoint answered {answer.status_code}: {_quoted(content)}")
        if answer.status_code != HTTPStatus.OK:
            raise LanguageModelFailed("refused", f"the endpoint answered {answer.status_code}: {_quoted(content)}")
        return content


async def _whole(answer: httpx.Response) -> bytes:
    content = b""
    async for part in answer.aiter_bytes():
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise LanguageModelFailed("nonsense", f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    return content


def _quoted(content: bytes) -> str:
    return repr(content[:300].decode(errors="replace"))


def _read(content: bytes) -> Completion:
    """Return the first choice of an answer.

    Raises:
        LanguageModelFailed: `refused` or `nonsense`.
    """
    try:
        answer = _decoder.decode(content)
        message = answer.choices[0].message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError) as exc:
        raise LanguageModelFailed("nonsense", f"the endpoint answered something else: {_quoted(content)}") from exc
    if message.refusal or answer.choices[0].finish_reason == "content_filter":
        raise LanguageModelFailed("refused", f"the model refuses: {(message.refusal or 'content filter')[:300]!r}")
    usage = answer.usage or _Usage()
    return Completion(
        text=message.content or "",
        calls=tuple(
            ToolRequest(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()
        ),
        tokens_in=_count(usage.prompt_tokens),
        tokens_out=_count(usage.completion_tokens),
    )


def _count(tokens: int | None) -> int | None:
    """Return a number of tokens, none if it cannot be one: an endpoint is believed no refunds."""
    return tokens if tokens is not None and tokens >= 0 else None


def _written(message: ChatMessage) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        written["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        written["tool_call_id"] = message.call_id
    return written


def _described(row: Tool) -> dict[str, Any]:
    function = {"name": row.name, "description": row.description, "parameters": object_schema(row.arguments)}
    return {"type": "function", "function": function}
