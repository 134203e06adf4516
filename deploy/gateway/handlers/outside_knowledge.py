"""The handler of external knowledge: what is believed of a scope, and what is not."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from litestar import get
from litestar.params import PathParameter
from msgspec import Struct
from msgspec.structs import replace

from deploy.gateway.access.scopes import permitted_to
from deploy.gateway.context import InjectedContext
from deploy.gateway.limits import MAX_OUTSIDE_DOCUMENTS, MAX_OUTSIDE_FACTS, MAX_OUTSIDE_TEXT
from deploy.gateway.problems import Problem
from features.outside_knowledge import Beliefs, BelievedFact, LostFact, SourcedDocument
from schemas.bounds import ID_LENGTH
from schemas.signals import SIGNAL_SCOPES, Scope


class OutsideResponse(Struct, frozen=True, kw_only=True):
    """What is believed of a scope at a time (`facts`, `documents`), and what is not and why (`lost`). `left_out` counts
    the facts and documents for which the answer has no room; a document's `text` may be its beginning alone.
    """

    scope: Scope
    subject: str
    at: float
    facts: tuple[BelievedFact, ...]
    documents: tuple[SourcedDocument, ...]
    lost: tuple[LostFact, ...]
    left_out: int = 0


@get("/v1/signals/{kind:str}/{subject:str}", opt=permitted_to("lists"), tags=["out"], summary="What the world says")
async def get_outside_knowledge(
    context: InjectedContext,
    kind: Annotated[str, PathParameter(description=f"one of {', '.join(SIGNAL_SCOPES)}")],
    subject: Annotated[str, PathParameter(min_length=1, max_length=ID_LENGTH)],
) -> OutsideResponse:
    """Return what sources outside say of an item, a category, a place or a time, as of now. Texts are data."""
    named = next((known for known in SIGNAL_SCOPES if known == kind), None)
    if named is None:
        raise Problem(HTTPStatus.NOT_FOUND, "unknown-kind", f"{kind!r} is none of {', '.join(SIGNAL_SCOPES)}")
    at = context.lists.stream_now()
    beliefs = await context.search.within(lambda index: index.beliefs(named, subject, at))
    return bounded_response(named, subject, at, beliefs)


def bounded_response(scope: Scope, subject: str, at: float, beliefs: Beliefs) -> OutsideResponse:
    """Return beliefs as far as an answer has room for them: see `deploy.gateway.limits`."""
    facts, lost = beliefs.facts[:MAX_OUTSIDE_FACTS], beliefs.lost[:MAX_OUTSIDE_FACTS]
    documents = tuple(
        replace(document, text=document.text[:MAX_OUTSIDE_TEXT])
        for document in beliefs.documents[:MAX_OUTSIDE_DOCUMENTS]
    )
    said = len(beliefs.facts) + len(beliefs.lost) + len(beliefs.documents)
    left_out = said - len(facts) - len(lost) - len(documents)
    return OutsideResponse(
        scope=scope, subject=subject, at=at, facts=facts, documents=documents, lost=lost, left_out=left_out
    )
