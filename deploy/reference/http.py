"""The HTTP reference: the gateway's own OpenAPI document, operation by operation."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from deploy.gateway.app import create_app
from deploy.gateway.handlers.docs import completed
from deploy.reference.fields import fields, type_of
from deploy.reference.markdown import code, prose, table
from schemas.publishing.publish import topic_schema
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS, TOPICS

if TYPE_CHECKING:
    from deploy.gateway.context import GatewayContext

Document = dict[str, Any]
PARAMETERS_HEADER = ("parameter", "in", "type", "default", "meaning")
ON_TOPICS = {"Interaction": INTERACTIONS, "Instruction": INSTRUCTIONS, "Item": ITEMS}
"""Bodies whose fields are on the page of topics, by the topic that carries them."""
HTTP_INTRODUCTION = """\
`lifelong status` prints the gateway's address and API key. Send a key as `X-API-Key` or as a bearer token, the token of
a user as a bearer token. [Access over HTTP](../operations/access.md) says which scope each route takes, and what is
limited. HEAD is answered like GET, without the body. A running gateway serves this contract as OpenAPI 3.1 at
`/schema/openapi.json`, and a page to try it on at `/schema`.
"""


def document() -> Document:
    """Return the gateway's OpenAPI document without starting a gateway."""
    unstarted = cast(
        "GatewayContext",
        SimpleNamespace(access=SimpleNamespace(check=lambda connection, handler: None), body_bytes=0, cors_origins=()),
    )
    return completed(create_app(unstarted).openapi_schema.to_schema())


def http_page() -> str:
    """Return the page as Markdown."""
    contract = document()
    parts = ["# HTTP", HTTP_INTRODUCTION]
    for path, operations in contract["paths"].items():
        for verb, operation in operations.items():
            parts += [f"## {verb.upper()} `{path}`", *_operation(operation)]
    parts += ["## Answers", *_answers(contract["components"]["schemas"])]
    return "\n\n".join(parts) + "\n"


def _operation(operation: Document) -> Iterator[str]:
    yield f"**{operation['summary']}.**"
    yield prose(operation.get("description"))
    rows = [_parameter(parameter) for parameter in operation.get("parameters", ())]
    if rows:
        yield table(PARAMETERS_HEADER, rows)
    if "requestBody" in operation:
        yield f"Body: {_content(operation['requestBody'])}."
    for status, answer in operation["responses"].items():
        if status != "default":
            yield f"Answer {status}: {_content(answer)}."


def _parameter(parameter: Document) -> tuple[str, str, str, str, str]:
    schema = parameter["schema"]
    default = "required" if parameter.get("required") else code(schema.get("default"))
    return f"`{parameter['name']}`", parameter["in"], type_of(schema), default, prose(parameter.get("description"))


def _content(body: Document) -> str:
    kinds = [_linked(content["schema"]) for content in body.get("content", {}).values() if "schema" in content]
    return " or ".join(kinds) or "no body"


def _linked(schema: Document) -> str:
    """Return a body's type in words, with links to the tables of its fields."""
    if "$ref" in schema and type_of(schema) not in ON_TOPICS:
        return f"[{type_of(schema)}](#{type_of(schema).lower()})"
    words = type_of(schema)
    for name, topic in ON_TOPICS.items():
        words = words.replace(name, f"[{name}](topics.md#{topic})")
    return words


def _answers(schemas: Document) -> Iterator[str]:
    on_topics_page = {name for topic in TOPICS for name in topic_schema(topic).get("$defs", ())} | set(ON_TOPICS)
    for name, schema in schemas.items():
        if name not in on_topics_page and "properties" in schema:
            yield f"### {name}"
            yield prose(schema.get("description"))
            yield fields(schema)
