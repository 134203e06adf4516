"""The ports of tools over the gateway's HTTP interface, with the permissions of one user's token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from agents.actions.service import (
    TITLE_LENGTH,
    ItemCard,
    ItemSheet,
    KnownOutside,
    PastItem,
    RememberedFact,
    SimilarityKind,
    known_outside,
)
from agents.actions.untrusted_text import visible
from features.outside_knowledge import Beliefs, BelievedFact, SourcedDocument
from schemas.bounds import TEXT_LENGTH
from schemas.errors import ToolRefused
from schemas.ids import ItemId, MemoryId, UserId
from schemas.signals import Scope
from streams.state.user_page import PageMemory, UserPage

Bearer = Callable[[], Awaitable[str]]
"""Returns the token to send; it may have to be issued first."""
SEARCH_PATH, PICTURE_PATH, TRENDING_PATH = "/v1/search", "/v1/search/image", "/v1/trending"
SHOWN = {"with": "title,categories"}
"""What the gateway is asked to show of items that it finds."""
T = TypeVar("T")


class _Entry(Struct, frozen=True):
    item_id: ItemId
    title: str = ""
    categories: tuple[str, ...] = ()


class _Entries(Struct, frozen=True):
    items: tuple[_Entry, ...]


class _PastItems(Struct, frozen=True):
    items: tuple[PastItem, ...]


class _Believed(Struct, frozen=True):
    """What of `Beliefs` agents are told; facts that lost may have no bounds in time, which JSON has no number for."""

    facts: tuple[BelievedFact, ...]
    documents: tuple[SourcedDocument, ...]


class _FoundId(Struct, frozen=True):
    memory_id: MemoryId


class _FoundIds(Struct, frozen=True):
    memories: tuple[_FoundId, ...]


class _Refusal(Struct, frozen=True):
    reason: str = ""
    detail: str = ""


class GatewayReader:
    """Reads paths of the gateway for one user. Every failure is a `ToolRefused`."""

    def __init__(self, client: httpx.AsyncClient, user: UserId, bearer: Bearer) -> None:
        self._client = client
        self._bearer = bearer
        self.user = user

    async def get(self, path: str, kind: type[T], **params: str | int) -> T:
        """Return the answer to a GET of this path.

        Raises:
            ToolRefused: `forbidden`, `not-found`, or `unavailable`.
        """
        return await self._answered("GET", path, kind, params={name: str(value) for name, value in params.items()})

    async def post(self, path: str, body: bytes, kind: type[T], **params: str | int) -> T:
        """Return the answer to a POST of this text; raises like `get`."""
        texts = {name: str(value) for name, value in params.items()}
        return await self._answered(
            "POST", path, kind, params=texts, content=body, more_headers={"Content-Type": "text/plain"}
        )

    async def _answered(
        self, method: str, path: str, kind: type[T], *, more_headers: Mapping[str, str] | None = None, **more: Any
    ) -> T:
        headers = {"Authorization": f"Bearer {await self._bearer()}", **(more_headers or {})}
        try:
            answer = await self._client.request(method, path, headers=headers, **more)
        except httpx.HTTPError as exc:
            raise ToolRefused("unavailable", f"the gateway does not answer: {type(exc).__name__}: {exc}") from exc
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise _refused(answer)
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.MsgspecError as exc:
            raise ToolRefused("unavailable", f"the gateway answered {path} with something else: {exc}") from exc


def _refused(answer: httpx.Response) -> ToolRefused:
    try:
        problem = msgspec.json.decode(answer.content, type=_Refusal)
    except msgspec.MsgspecError:
        problem = _Refusal()
    text = f"{answer.status_code} {problem.reason}: {problem.detail}"
    match answer.status_code:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return ToolRefused("forbidden", text)
        case HTTPStatus.NOT_FOUND:
            return ToolRefused("not-found", text)
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.BAD_REQUEST:
            return ToolRefused("bad-arguments", text)
        case HTTPStatus.NOT_IMPLEMENTED:
            return ToolRefused("not-enabled", text)
        case _:
            return ToolRefused("unavailable", text)


def escaped(part: str) -> str:
    """Return an id as a part of a path."""
    return quote(part, safe="")


class GatewayItems:
    """An `agents.actions.service.ItemService` over the gateway."""

    def __init__(self, reader: GatewayReader) -> None:
        self._reader = reader

    async def item(self, item_id: ItemId) -> ItemSheet | None:
        path = f"/v1/users/{escaped(self._reader.user)}/items/{escaped(item_id)}"
        try:
            return await self._reader.get(path, ItemSheet)
        except ToolRefused as exc:
            if exc.fault == "not-found":
                return None
            raise

    async def similar(self, item_id: ItemId, n: int, by: SimilarityKind) -> tuple[ItemCard, ...]:
        path = f"/v1/items/{escaped(item_id)}/similar"
        return await self._cards(path, n=n, by=by)

    async def search(self, words: str, photo: str, n: int) -> tuple[ItemCard, ...]:
        if not photo:
            return await self._cards(SEARCH_PATH, q=words, n=n, **SHOWN)
        picture, reader = photo.encode(), self._reader
        found = await reader.post(PICTURE_PATH, picture, _Entries, user=reader.user, n=n, **SHOWN)
        return tuple(_card(entry) for entry in found.items)

    async def trending(self, n: int) -> tuple[ItemCard, ...]:
        return await self._cards(TRENDING_PATH, n=n, **SHOWN)

    async def _cards(self, path: str, **params: str | int) -> tuple[ItemCard, ...]:
        found = await self._reader.get(path, _Entries, user=self._reader.user, **params)
        return tuple(_card(entry) for entry in found.items)


def _card(entry: _Entry) -> ItemCard:
    categories = tuple(visible(name, TITLE_LENGTH) for name in entry.categories)
    return ItemCard(entry.item_id, visible(entry.title, TITLE_LENGTH), categories)


class GatewayKnowledge:
    """An `agents.actions.service.KnowledgeService` over the gateway."""

    def __init__(self, reader: GatewayReader) -> None:
        self._reader = reader

    async def known(self, scope: Scope, subject: str) -> KnownOutside:
        believed = await self._reader.get(f"/v1/signals/{scope}/{escaped(subject)}", _Believed)
        return known_outside(Beliefs(facts=believed.facts, documents=believed.documents))


class GatewayUser:
    """An `agents.actions.service.UserService` over the gateway."""

    def __init__(self, reader: GatewayReader) -> None:
        self._reader = reader
        self._path = f"/v1/users/{escaped(reader.user)}"

    async def memories(self, about: str, n: int) -> tuple[RememberedFact, ...]:
        page = await self._reader.get(self._path, UserPage)
        facts = {
            memory.memory_id: _fact(memory, is_stated)
            for is_stated, memories in ((True, page.stated), (False, page.believed))
            for memory in memories
            if memory.state == "active" and (about or not memory.parts)
        }
        if about:
            found = await self._reader.get(f"{self._path}/memories", _FoundIds, q=about, n=n)
            return tuple(facts[each.memory_id] for each in found.memories if each.memory_id in facts)
        surest = sorted(facts.values(), key=lambda fact: (-fact.confidence, fact.memory_id))
        return tuple(surest[:n])

    async def history(self, n: int) -> tuple[PastItem, ...]:
        return (await self._reader.get(f"{self._path}/history", _PastItems, n=n)).items


def _fact(memory: PageMemory, is_stated: bool) -> RememberedFact:
    return RememberedFact(
        memory_id=memory.memory_id,
        text=visible(memory.text, TEXT_LENGTH),
        predicate=memory.predicate,
        subject=memory.subject,
        value=visible(memory.value, TITLE_LENGTH),
        stated=is_stated,
        confidence=memory.confidence,
        conditional=memory.conditional,
    )
