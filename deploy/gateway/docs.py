"""The OpenAPI document and its page: complete in themselves, nothing is fetched from elsewhere.

Bodies are described by the very types that are decoded. The bundled Swagger UI (4.15) reads OpenAPI 3.0, so the page
is given the document in that dialect; `openapi.json` is 3.1.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.enums import MediaType, OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import FromPath
from swagger_ui_bundle import swagger_ui_path

from deploy.gateway.auth import KEY_HEADER, OPEN_ROUTE
from deploy.gateway.problems import MEDIA_TYPE, Details
from schemas.instructions import Instruction
from schemas.interactions import Interaction
from schemas.items import Item

ROOT = "/schema"
REFERENCE = "#/components/schemas/{name}"
FILLED_IN = ("event_id", "event_time")
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
"""What the browser may load for the page: from here alone."""

Document = dict[str, Any]
AnyRequest = Request[Any, Any, Any]


def openapi_config() -> OpenAPIConfig:
    """What is served under `/schema`: the page, its files, and the document in both dialects."""
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
            opt=OPEN_ROUTE,
            include_in_schema=False,
            response_headers={"Content-Security-Policy": POLICY},
        ),
        render_plugins=[_Page(), _Newest(), _Older()],
    )


class _Page(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)

    def render(self, request: AnyRequest, openapi_schema: Document) -> bytes:
        return PAGE.encode()


class _Newest(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: AnyRequest, openapi_schema: Document) -> bytes:
        return msgspec.json.encode(completed(openapi_schema))


class _Older(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/openapi-3.0.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: AnyRequest, openapi_schema: Document) -> bytes:
        return msgspec.json.encode({**in_older_dialect(completed(openapi_schema)), "openapi": "3.0.3"})


@get("/page/{name:str}", sync_to_thread=False)
def get_page_file(name: FromPath[str]) -> Response[bytes]:
    """A file of the page."""
    if name not in PAGE_FILES:
        raise NotFoundException(f"there is no file {name!r}")
    return Response(_file(name), media_type=PAGE_FILES[name], headers={"Cache-Control": "public, max-age=86400"})


@cache
def _file(name: str) -> bytes:
    return SCRIPT.encode() if name == "page.js" else (Path(swagger_ui_path) / name).read_bytes()


def completed(document: Document) -> Document:
    """The framework's document with our bodies and problems in it."""
    components = document["components"]
    components = {**components, "schemas": components.get("schemas", {}) | body_schemas()}
    paths = {
        path: {verb: _answering(operation) for verb, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return {**document, "paths": paths, "components": components}


def _answering(operation: Document) -> Document:
    """The operation, whose answers other than success are all problems."""
    problem = {
        "description": "Whatever goes wrong: problem details, with a reason code.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(name=Details.__name__)}}},
    }
    good = {code: response for code, response in operation["responses"].items() if code < "400"}
    return {**operation, "responses": good | {"default": problem}}


def body_schemas() -> Document:
    """What may be posted, as JSON Schemas by name; over HTTP an event need not bring its id and its time."""
    unions = {"Interaction": Interaction, "Instruction": Instruction}
    named, schemas = msgspec.json.schema_components([*unions.values(), Item, Details], ref_template=REFERENCE)
    found = {name: _with_optional(schema) for name, schema in schemas.items()}
    return found | dict(zip(unions, named, strict=False))


def _with_optional(schema: Document) -> Document:
    """
    >>> _with_optional({"required": ["type", "event_id", "event_time"]})
    {'required': ['type']}
    """
    if "required" not in schema:
        return schema
    return {**schema, "required": [name for name in schema["required"] if name not in FILLED_IN]}


def in_older_dialect(schema: Any) -> Any:
    """A schema of OpenAPI 3.1 as 3.0 says it: no `const`, no type `null`.

    >>> in_older_dialect({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None})
    {'anyOf': [{'type': 'string'}], 'default': None, 'nullable': True}
    >>> in_older_dialect({"const": "click"})
    {'enum': ['click']}
    """
    if isinstance(schema, list):
        return [in_older_dialect(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    older = {name: in_older_dialect(value) for name, value in schema.items()}
    if "const" in older:
        older["enum"] = [older.pop("const")]
    for name in ("anyOf", "oneOf"):
        choices = older.get(name)
        if isinstance(choices, list) and {"type": "null"} in choices:
            older[name] = [one for one in choices if one != {"type": "null"}]
            older["nullable"] = True
    return older
