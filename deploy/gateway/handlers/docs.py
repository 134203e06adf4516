"""The OpenAPI document and its page: self-contained, nothing is fetched from elsewhere.

Bodies are described by the types that decode them. The bundled Swagger UI (4.15) reads OpenAPI 3.0, so the page gets
the document in that version; `openapi.json` is 3.1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Router, get
from litestar.enums import MediaType, OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import FromPath
from litestar.response import Stream
from swagger_ui_bundle import swagger_ui_path

from deploy.gateway.access.control import KEY_HEADER
from deploy.gateway.problems import MEDIA_TYPE, Details
from schemas.instructions import Instruction
from schemas.interactions import Interaction
from schemas.items import Item

ROOT = "/schema"
REFERENCE = "#/components/schemas/{name}"
OPTIONAL_OVER_HTTP = ("event_id", "event_time")
PAGE_FILES = {
    "page.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
SCRIPT = f"""SwaggerUIBundle({{
  url: "{ROOT}/openapi-3.0.json", dom_id: "#page", deepLinking: true, validatorUrl: null, tryItOutEnabled: true
}});
"""
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Lifelong: HTTP</title>
<link rel="icon" href="{ROOT}/page/favicon-32x32.png">
<link rel="stylesheet" href="{ROOT}/page/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="{ROOT}/page/swagger-ui-bundle.js"></script>
<script src="{ROOT}/page/page.js"></script>
</body>
</html>
"""
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
"""Content security policy of the page: everything is loaded from this server."""

PART_BYTES = 64_000

Document = dict[str, Any]
AnyRequest = Request[Any, Any, Any]


def openapi_config() -> OpenAPIConfig:
    """Return what is served under `/schema`: the page, its files, and the document in both versions."""
    return OpenAPIConfig(
        title="Lifelong",
        version="1",
        description="Events in, recommendations out. The same over Kafka: see the AsyncAPI document.",
        use_handler_docstrings=True,
        security=[{"key": []}, {"bearer": []}],
        components=Components(
            security_schemes={
                "key": SecurityScheme(type="apiKey", name=KEY_HEADER, security_scheme_in="header"),
                "bearer": SecurityScheme(type="http", scheme="bearer"),
            }
        ),
        openapi_router=Router(
            ROOT,
            route_handlers=[get_page_file],
            opt={"page": "docs"},
            include_in_schema=False,
            response_headers={"Content-Security-Policy": POLICY},
        ),
        render_plugins=[_Page(), _OpenApi31(), _OpenApi30()],
    )


class _Page(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)

    def render(self, request: AnyRequest, openapi_schema: Document) -> bytes:
        return PAGE.encode()


class _OpenApi31(OpenAPIRenderPlugin):
    """The document, rendered once: the page is open, and rendering costs more than a request may."""

    _rendered = b""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: AnyRequest, openapi_schema: Document) -> bytes:
        self._rendered = self._rendered or msgspec.json.encode(completed(openapi_schema))
        return self._rendered


class _OpenApi30(OpenAPIRenderPlugin):
    _rendered = b""

    def __init__(self) -> None:
        super().__init__(path="/openapi-3.0.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: AnyRequest, openapi_schema: Document) -> bytes:
        if not self._rendered:
            self._rendered = msgspec.json.encode({**as_openapi_3_0(completed(openapi_schema)), "openapi": "3.0.3"})
        return self._rendered


@get("/page/{name:str}", sync_to_thread=False)
def get_page_file(name: FromPath[str]) -> Stream:
    """Return a file of the page, in parts: of a client that does not read, no more than a part is in memory."""
    if name not in PAGE_FILES:
        raise NotFoundException(f"there is no file {name!r}")
    content = _file(name)
    headers = {"Cache-Control": "public, max-age=86400", "Content-Length": str(len(content))}
    return Stream(_parts(content), media_type=PAGE_FILES[name], headers=headers)


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PART_BYTES):
        yield content[start : start + PART_BYTES]


@cache
def _file(name: str) -> bytes:
    return SCRIPT.encode() if name == "page.js" else (Path(swagger_ui_path) / name).read_bytes()


def completed(document: Document) -> Document:
    """Return the framework's document with request bodies and problem details added."""
    components = document["components"]
    components = {**components, "schemas": components.get("schemas", {}) | body_schemas()}
    paths = {
        path: {verb: _with_problems(operation) for verb, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return {**document, "paths": paths, "components": components}


def _with_problems(operation: Document) -> Document:
    """Return the operation with problem details as the default for every answer but success."""
    problem = {
        "description": "Any error: problem details, with a reason code.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(name=Details.__name__)}}},
    }
    good = {code: response for code, response in operation["responses"].items() if code < "400"}
    return {**operation, "responses": good | {"default": problem}}


def body_schemas() -> Document:
    """Return JSON Schemas of request bodies by name; over HTTP an event's id and time are optional."""
    unions = {"Interaction": Interaction, "Instruction": Instruction}
    named, schemas = msgspec.json.schema_components([*unions.values(), Item, Details], ref_template=REFERENCE)
    bodies = {name: _with_optional(schema) for name, schema in schemas.items()}
    return bodies | dict(zip(unions, named, strict=False))


def _with_optional(schema: Document) -> Document:
    """Return the schema without the fields that the gateway fills in among its required ones.

    >>> _with_optional({"required": ["type", "event_id", "event_time"]})
    {'required': ['type']}
    """
    if "required" not in schema:
        return schema
    return {**schema, "required": [name for name in schema["required"] if name not in OPTIONAL_OVER_HTTP]}


def as_openapi_3_0(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.1 in terms of 3.0: no `const`, no type `null`.

    >>> as_openapi_3_0({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None})
    {'anyOf': [{'type': 'string'}], 'default': None, 'nullable': True}
    >>> as_openapi_3_0({"const": "click"})
    {'enum': ['click']}
    """
    if isinstance(schema, list):
        return [as_openapi_3_0(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {name: as_openapi_3_0(value) for name, value in schema.items()}
    if "const" in converted:
        converted["enum"] = [converted.pop("const")]
    for name in ("anyOf", "oneOf"):
        choices = converted.get(name)
        if isinstance(choices, list) and {"type": "null"} in choices:
            converted[name] = [choice for choice in choices if choice != {"type": "null"}]
            converted["nullable"] = True
    return converted
